import { expect, test } from '@jest/globals';
import { mergeMetrics } from './merge-metrics.ts';

test('each family is declared once and every sample says its service', () => {
  const part = (value: number) => `# HELP up Is it up\n# TYPE up gauge\nup ${value}\nup{path="a,b"} 2\n`;
  const merged = mergeMetrics([
    { service: 'audit', text: part(1) },
    { service: 'backup', text: part(0) },
  ]);
  expect(merged.split('\n')).toEqual([
    '# HELP up Is it up',
    '# TYPE up gauge',
    'up{service="audit"} 1',
    'up{path="a,b",service="audit"} 2',
    'up{service="backup"} 0',
    'up{path="a,b",service="backup"} 2',
    '',
  ]);
});

test('a sample that names its service keeps it', () => {
  const merged = mergeMetrics([{ service: 'audit', text: '# TYPE x counter\nx{service="other"} 1\n' }]);
  expect(merged).toContain('x{service="other"} 1');
});
