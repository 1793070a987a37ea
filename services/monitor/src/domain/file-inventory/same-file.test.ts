import { describe, expect, test } from '@jest/globals';
import { findCopy, isSameInode } from './same-file.ts';
import type { FileRow } from './state.ts';

const facts = { size: 5, mtime_ns: '1', ctime_ns: '1', inode: '1:7', checksum: 'sha256:x' };
const gone: FileRow = { path: '/a', source: 's', version: 1, state: 'present', facts };
const when = { gone_at_ms: 1_000, window_ms: 10 };

describe('the other half of a move', () => {
  test('is the same inode with the same size and mtime', () => {
    expect(isSameInode(facts, { ...facts })).toBe(true);
  });

  test('is not an inode that was given out again', () => {
    expect(isSameInode(facts, { ...facts, size: 1, mtime_ns: '2' })).toBe(false);
  });

  test('is a copy that appeared just then', () => {
    const arrival = { path: '/b', facts: { ...facts, inode: '2:1', mtime_ns: '9' }, appeared_at_ms: 995 };
    expect(findCopy(gone, [arrival], when)?.path).toBe('/b');
    expect(findCopy(gone, [{ ...arrival, appeared_at_ms: 900 }], when)).toBeUndefined();
  });

  test('is never another empty file', () => {
    const empty = { ...facts, size: 0 };
    const arrival = { path: '/b', facts: empty, appeared_at_ms: 1_000 };
    expect(findCopy({ ...gone, facts: empty }, [arrival], when)).toBeUndefined();
  });
});
