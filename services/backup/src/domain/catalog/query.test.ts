import { describe, expect, test } from '@jest/globals';
import { orderOf, sinceOf } from './query.ts';

describe('the filters of a list', () => {
  test.each([
    ['last_7_days', 7 * 86_400_000],
    ['last_24_hours', 86_400_000],
    ['last_week', 604_800_000],
    ['last_1_day', 86_400_000],
  ])('%s', (filter, expected_ms) => {
    expect(sinceOf(filter, 1_000_000_000_000)).toBe(1_000_000_000_000 - expected_ms);
  });

  test('what is not known is refused by name', () => {
    expect(() => sinceOf('yesterday', 0)).toThrow(/yesterday/);
  });

  test('a sort without a direction goes up', () => {
    expect(orderOf('timestamp')).toEqual({ by: 'timestamp', descending: false });
    expect(orderOf('size_desc')).toEqual({ by: 'size', descending: true });
  });
});
