import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { coveredSegments, planMerges, type SizedSegment, SMALL_MAX } from './merge-plan.ts';

const MIB = 1024 * 1024;
const BYTES_MAX = 8 * MIB;
const at = (seconds: number) => ({ seconds, increment: 1 });
const segment = (from: number, to: number, bytes: number): SizedSegment => ({
  from: at(from),
  to: at(to),
  bytes,
});

/** A log that is merged after each new segment; what it then is, and how many bytes were written for it again. */
function logOf(sizes: readonly number[], bytes_max: number) {
  let log: SizedSegment[] = [];
  let written = 0;
  for (const [number, bytes] of sizes.entries()) {
    log.push(segment(number, number + 1, bytes));
    for (let runs = planMerges(log, bytes_max); runs.length > 0; runs = planMerges(log, bytes_max)) {
      for (const run of runs) {
        const sum = run.reduce((total, part) => total + part.bytes, 0);
        const [first, last] = [run[0], run.at(-1)];
        if (first === undefined || last === undefined) throw new Error('an empty run');
        written += sum;
        log = [...log.filter((one) => !run.includes(one)), { from: first.from, to: last.to, bytes: sum }];
      }
    }
  }
  return { log: log.sort((one, other) => one.from.seconds - other.from.seconds), written };
}

test('a year of hourly changes: a few dozen segments, each byte written again a few times', () => {
  const sizes = Array.from({ length: 365 * 24 }, (_, number) => 400 + ((number * 7919) % 1000));
  const { log, written } = logOf(sizes, BYTES_MAX);
  const bytes = sizes.reduce((sum, size) => sum + size, 0);
  expect(log.length).toBeLessThan(SMALL_MAX + (2 * bytes) / BYTES_MAX);
  expect(written / bytes).toBeLessThan(4);
});

test('whatever the sizes: no gap, none above the limit, few between two large ones (fast-check)', () => {
  const sizes = fc.array(fc.integer({ min: 200, max: 3_000 }), { minLength: 1, maxLength: 400 });
  fc.assert(
    fc.property(sizes, fc.integer({ min: 4_000, max: 40_000 }), (list, bytes_max) => {
      const { log } = logOf(list, bytes_max);
      for (const [number, next] of log.slice(1).entries()) expect(next.from).toEqual(log[number]?.to);
      expect([log[0]?.from, log.at(-1)?.to]).toEqual([at(0), at(list.length)]);
      expect(Math.max(...log.map(({ bytes }) => bytes))).toBeLessThanOrEqual(bytes_max);
      let small = 0;
      for (const { bytes } of log) {
        small = bytes > bytes_max / 2 ? 0 : small + 1;
        expect(small).toBeLessThan(SMALL_MAX);
      }
    }),
  );
});

test('over a gap nothing is merged', () => {
  const log = Array.from({ length: 30 }, (_, number) => segment(number, number + 1, 300));
  const [first, second] = planMerges(log.toSpliced(15, 0).toSpliced(17, 1), BYTES_MAX);
  expect([first?.length, second]).toEqual([17, undefined]);
});

test('what lies within a larger segment is left of a merge that was killed', () => {
  const [whole, first, last, next] = [
    segment(1, 9, 9),
    segment(1, 5, 4),
    segment(5, 9, 5),
    segment(9, 12, 1),
  ];
  expect(coveredSegments([first, next, last, whole])).toEqual([first, last]);
  expect(coveredSegments([first, last, next])).toEqual([]);
});
