import { expect, test } from '@jest/globals';
import { GROUP_MAX, groupRegistrations } from './group.ts';
import type { Draft } from './state.ts';

const registered = (path: string): Draft => ({
  type: 'FileRegistered',
  subject: path,
  aggregateversion: 1,
  data: {
    host: 'h',
    source: 's',
    path,
    size: 1,
    mtime: '2026-01-01T00:00:00.000Z',
    checksum: `sha256:${'0'.repeat(64)}`,
  },
});
const sizesOf = (drafts: Draft[]) =>
  drafts.map((draft) => (draft.type === 'FilesRegistered' ? draft.data.files.length : draft.type));

test('up to a thousand files are one event', () => {
  const drafts = Array.from({ length: GROUP_MAX + 5 }, (_, index) => registered(`/f${index}`));
  expect(sizesOf(groupRegistrations(drafts))).toEqual([GROUP_MAX, 5]);
});

test('long paths make smaller groups: an event stays below what a message carries', () => {
  const drafts = Array.from({ length: 300 }, (_, index) => registered(`/${'x'.repeat(4000)}${index}`));
  const groups = groupRegistrations(drafts);
  expect(groups.every((draft) => JSON.stringify(draft).length < 1_000_000)).toBe(true);
  expect(groups.length).toBeGreaterThan(1);
});

test('what is no registration stays as it is', () => {
  const { data } = registered('/a') as Extract<Draft, { type: 'FileRegistered' }>;
  const modified: Draft = { type: 'FileModified', subject: '/a', aggregateversion: 2, data };
  expect(sizesOf(groupRegistrations([registered('/b'), modified]))).toEqual([1, 'FileModified']);
});
