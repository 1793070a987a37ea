import { describe, expect, test } from '@jest/globals';
import { adaptSlice, nextSlice } from './slices.ts';

const sized = (...lengths: number[]) => lengths.map((length) => ({ bytes: new Uint8Array(length) }));

function lengthsOf(batch: { bytes: Uint8Array }[], events_max: number): number[] {
  const lengths: number[] = [];
  for (let from = 0; from < batch.length; from += lengths.at(-1) ?? 0)
    lengths.push(nextSlice(batch, from, events_max).length);
  return lengths;
}

describe('slices', () => {
  test('hold all events in their order', () => {
    const batch = sized(...Array.from({ length: 250 }, (_, at) => at));
    expect(lengthsOf(batch, 100)).toEqual([100, 100, 50]);
    expect(nextSlice(batch, 100, 100)).toEqual(batch.slice(100, 200));
  });

  test('are short where events are long; one alone may be longer than any', () => {
    expect(lengthsOf(sized(200_000, 100_000, 50_000, 900_000, 1), 100)).toEqual([1, 2, 1, 1]);
  });
});

test.each([
  ['as aimed at', 200, 200, 10, 200],
  ['slow: half as many, not less', 300, 300, 80, 150],
  ['quick: twice as many, not more', 100, 100, 1, 200],
  ['quick because it was short', 100, 2, 1, 100],
  ['never too few', 120, 120, 500, 100],
  ['never too many', 400, 400, 1, 400],
])('the next slice: %s', (_, events_max, events, took_ms, expected) => {
  expect(adaptSlice(events_max, events, took_ms)).toBe(expected);
});
