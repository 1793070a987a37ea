import { expect, test } from '@jest/globals';
import { splitSnapshotPath } from './snapshot-path.ts';

test('a snapshot is named with or without a path', () => {
  expect(splitSnapshotPath('latest')).toEqual({ id: 'latest' });
  expect(splitSnapshotPath('1f2e:')).toEqual({ id: '1f2e' });
  expect(splitSnapshotPath('1f2e:/srv/a:b')).toEqual({ id: '1f2e', path: '/srv/a:b' });
  expect(splitSnapshotPath('/srv/a:b')).toEqual({ id: 'latest', path: '/srv/a:b' });
});
