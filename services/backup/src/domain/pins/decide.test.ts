import { describe, expect, test } from '@jest/globals';
import { carriedPaths, choosePin } from './decide.ts';

const sum = (digit: string) => `sha256:${digit.repeat(64)}`;
const lost = {
  event_id: 'e',
  path: '/srv/bmc/a.json',
  source: 'conversations',
  kind: 'corrupted',
  wanted: sum('1'),
  bad: sum('9'),
  opened_ms: 0,
} as const;

describe('carried paths', () => {
  test('are those under a case, and their folders as far as they are gone', () => {
    const gone = new Set(['/srv/bmc/data', '/srv/bmc/data/2025']);
    const carried = carriedPaths(['/srv/bmc/data/2025/a.json', '/srv/bmc/b.json'], (path) => gone.has(path));
    expect([...carried].sort()).toEqual([
      '/srv/bmc/b.json',
      '/srv/bmc/data',
      '/srv/bmc/data/2025',
      '/srv/bmc/data/2025/a.json',
    ]);
  });

  test('each folder is looked at once', () => {
    const looked: string[] = [];
    carriedPaths(['/d/e/a', '/d/e/b'], (path) => looked.push(path) > 0 && path !== '/d');
    expect(looked).toEqual(['/d/e', '/d']);
  });
});

describe('the pinned version', () => {
  test('holds the very bytes that are wanted, even where a newer one is there', () => {
    const versions = [
      { snapshot_id: 'new', checksum: sum('9') },
      { snapshot_id: 'old', checksum: sum('1') },
    ];
    expect(choosePin(lost, versions)).toEqual({ snapshot_id: 'old', exact: true });
  });

  test('is never the corrupt one', () => {
    const versions = [
      { snapshot_id: 'bad', checksum: sum('9') },
      { snapshot_id: 'older', checksum: sum('2') },
    ];
    expect(choosePin(lost, versions)).toEqual({ snapshot_id: 'older', exact: false });
    expect(choosePin(lost, versions.slice(0, 1))).toBeNull();
  });
});
