import { expect, test } from '@jest/globals';
import { createLogger, silentLogger } from './logger.ts';

test('one JSON line an entry, with the time and without what is secret by name', () => {
  const lines: string[] = [];
  const log = createLogger({
    name: 'audit',
    level: 'debug',
    stream: { write: (line) => void lines.push(line) },
  });
  log.info({ token: 'hunter2', channel: { secret: 'hunter2', type: 'slack' }, path: '/srv/a' }, 'sent');
  log.trace('not at this level');
  const [line = ''] = lines;
  expect(lines).toHaveLength(1);
  expect(line).not.toContain('hunter2');
  expect(JSON.parse(line)).toMatchObject({
    level: 'info',
    name: 'audit',
    msg: 'sent',
    path: '/srv/a',
    channel: { type: 'slack' },
    time: expect.stringMatching(/^\d{4}-.*Z$/),
  });
});

test('an error keeps its stack and its cause', () => {
  const lines: string[] = [];
  const log = createLogger({ name: 'audit', stream: { write: (line) => void lines.push(line) } });
  log.error({ err: new Error('no backup', { cause: new Error('disk full') }) }, 'failed');
  expect(JSON.parse(lines[0] ?? '').err).toMatchObject({
    message: expect.stringContaining('disk full'),
    stack: expect.stringContaining('logger.test.ts'),
  });
  expect(silentLogger().isLevelEnabled('fatal')).toBe(false);
});
