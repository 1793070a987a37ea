import { expect, test } from '@jest/globals';
import { slices } from './slices.ts';

const sized = (...lengths: number[]) => lengths.map((length) => ({ bytes: new Uint8Array(length) }));

test('slices hold all events in their order', () => {
  const batch = sized(...Array.from({ length: 250 }, (_, at) => at));
  expect(slices(batch).flat()).toEqual(batch);
  expect(slices(batch).map(({ length }) => length)).toEqual([100, 100, 50]);
});

test('long events make short slices, and one alone may be longer than any', () => {
  expect(slices(sized(200_000, 100_000, 50_000, 900_000, 1)).map(({ length }) => length)).toEqual([
    1, 2, 1, 1,
  ]);
  expect(slices([])).toEqual([]);
});
