import { describe, expect, test } from '@jest/globals';
import { newRound, nextRoundAt, paceOf, within } from './scrub-round.ts';

const DAY_MS = 86_400_000;
const MiB = 1024 * 1024;
const settings = { enabled: true, period_ms: 30 * DAY_MS, max_bytes_per_second: 20 * MiB };

describe('the pace', () => {
  test('spreads a round over most of the period', () => {
    const total = 4 * 1024 ** 4;
    const took_ms = (total / paceOf(total, settings)) * 1000;
    expect(took_ms / settings.period_ms).toBeCloseTo(0.75, 2);
  });

  test('is never faster than allowed, however much there is to read', () => {
    expect(paceOf(1e18, settings)).toBe(20 * MiB);
    expect(paceOf(1e18, { ...settings, max_bytes_per_second: 1000 })).toBe(1000);
  });

  test('of few bytes is not so slow that it never ends', () => {
    expect(paceOf(10, settings)).toBe(256 * 1024);
  });
});

test('a step takes what the pace allows, at least one file; small files cost as much as a disk works for them', () => {
  const files = [{ size: 3 * MiB }, { size: 1 }, { size: 1 }, { size: 1 }];
  expect(within(files, MiB).length).toBe(1);
  expect(within(files.slice(1), 40_000).length).toBe(2);
  expect(within(files, 100 * MiB)).toEqual(files);
});

test('the next round begins a period after the last one began, also where the clock went back', () => {
  const round = newRound(5_000_000, null);
  expect(nextRoundAt(round, settings, 6_000_000)).toBe(5_000_000 + settings.period_ms);
  expect(nextRoundAt(round, settings, 1_000)).toBe(1_000 + settings.period_ms);
});
