import { expect, test } from '@jest/globals';
import { decideExpectation, reasonsOf } from './expectation.ts';

const HOUR_MS = 3_600_000;
const expected = { source: 'a', pattern: '*.csv', min_count: 2, max_age_ms: 25 * HOUR_MS };

test('all that is wrong is said: too few, and too old', () => {
  expect(reasonsOf(expected, { files: 1, newest_ms: 0 }, 30 * HOUR_MS)).toEqual([
    { reason: 'count', detail: '1 of at least 2 files are there' },
    { reason: 'age', detail: 'the newest is 30 h old, at most 25 h are allowed' },
  ]);
  expect(
    reasonsOf(expected, { files: 0, newest_ms: null }, 30 * HOUR_MS).map(({ reason }) => reason),
  ).toEqual(['count']);
  expect(reasonsOf(expected, { files: 2, newest_ms: 5 * HOUR_MS }, 30 * HOUR_MS)).toEqual([]);
  expect(reasonsOf(expected, { files: 2, newest_ms: 90 * HOUR_MS }, 30 * HOUR_MS)).toEqual([]);
});

test('it is told when it lasted, once, and again when it is mended', () => {
  const reasons = reasonsOf(expected, { files: 0, newest_ms: null }, 0);
  const waited = { since_ms: 0, grace_ms: 100 };
  expect(decideExpectation({ reasons, told: false, now_ms: 99 }, waited)).toBe('wait');
  expect(decideExpectation({ reasons, told: false, now_ms: 100 }, waited)).toBe('tell');
  expect(
    decideExpectation({ reasons, told: false, now_ms: 100 }, { since_ms: undefined, grace_ms: 100 }),
  ).toBe('wait');
  expect(decideExpectation({ reasons, told: true, now_ms: 900 }, waited)).toBe('rest');
  expect(decideExpectation({ reasons: [], told: true, now_ms: 900 }, waited)).toBe('clear');
  expect(decideExpectation({ reasons: [], told: false, now_ms: 900 }, waited)).toBe('rest');
});
