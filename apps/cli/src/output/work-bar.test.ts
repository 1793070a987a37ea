import { PassThrough } from 'node:stream';
import type { WorkProgress } from '@holdfast/contracts/http/progress';
import { expect, test } from '@jest/globals';
import { startWorkBar } from './work-bar.ts';

const RESTORING: WorkProgress = {
  ...{ doing: 'restoring', items: 'documents', items_total: null, bytes_total: 4096 },
  ...{ items_done: 0, bytes_done: 0 },
};
const INDEXING: WorkProgress = {
  ...{ doing: 'indexing', items: 'collections', items_total: 4, bytes_total: null },
  ...{ items_done: 0, bytes_done: 0 },
};

function shown(options: { is_terminal: boolean; quiet?: boolean }, told: readonly WorkProgress[]): string {
  const stream = Object.assign(new PassThrough({ encoding: 'utf8' }), {
    isTTY: options.is_terminal,
    columns: 200,
  });
  {
    using bar = startWorkBar({ quiet: options.quiet ?? false, stream: stream as never });
    for (const progress of told) bar.update(progress);
  }
  return stream.read() ?? '';
}

test('each kind of work has a bar of its own, by bytes where they are known, else by what is counted', () => {
  const text = shown({ is_terminal: true }, [
    RESTORING,
    { ...RESTORING, items_done: 7, bytes_done: 1024 },
    INDEXING,
    { ...INDEXING, items_done: 3 },
  ]);
  expect(text).toMatch(/restoring \S+ +25% {2}7 documents {2}1\.0 KiB of 4\.0 KiB {2}.*\/s {2}ETA /);
  expect(text).toMatch(/indexing \S+ +75% {2}3 collections {2}3 of 4 {2}.*\/s {2}ETA /);
  // The cursor is there again.
  expect(text.lastIndexOf('\x1b[?25h')).toBeGreaterThan(text.lastIndexOf('\x1b[?25l'));
});

test('nothing is shown before there is something to tell, with --json, and where no terminal is', () => {
  expect(shown({ is_terminal: true }, [])).toBe('');
  expect(shown({ is_terminal: true, quiet: true }, [RESTORING])).toBe('');
  expect(shown({ is_terminal: false }, [RESTORING])).toBe('');
});
