import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type Attempt, afterAttempt, DEFAULT_RETRY } from './schedule.ts';

const failed: Attempt = { outcome: 'failed', code: 'http_503', reason: 'busy' };

function waitAfter(attempt: number, random: number, result: Attempt = failed): number | null {
  const next = afterAttempt(DEFAULT_RETRY, attempt, result, { now_ms: 0, random });
  return next.step === 'retry' ? next.at_ms : null;
}

describe('what follows a try', () => {
  test('eight tries, some half an hour at the mean', () => {
    const waits = [1, 2, 3, 4, 5, 6, 7, 8].map((attempt) => waitAfter(attempt, 0.5));
    const total_ms = waits.reduce<number>((sum, wait) => sum + (wait ?? 0), 0);
    expect(waits.at(-1)).toBeNull();
    expect(total_ms / 60_000).toBeCloseTo(30.75, 1);
  });

  test('full jitter: anywhere between at once and twice the wait before', () => {
    const attempts = fc.integer({ min: 1, max: 7 });
    const random = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });
    fc.assert(
      fc.property(attempts, random, (attempt, dice) => {
        const wait = waitAfter(attempt, dice) ?? Number.NaN;
        expect(wait).toBeGreaterThanOrEqual(0);
        expect(wait).toBeLessThanOrEqual(30_000 * 2 ** (attempt - 1));
      }),
    );
  });

  test('never before the receiver asked for', () => {
    expect(waitAfter(1, 0, { ...failed, retry_after_ms: 90_000 })).toBe(90_000);
  });

  test('a refusal is final; an unknown outcome is not repeated', () => {
    const moment = { now_ms: 0, random: 0 };
    const refused: Attempt = { outcome: 'refused', code: 'http_404', reason: 'gone' };
    expect(afterAttempt(DEFAULT_RETRY, 1, refused, moment).step).toBe('give_up');
    const unknown: Attempt = { outcome: 'unknown', reason: 'no answer' };
    expect(afterAttempt(DEFAULT_RETRY, 1, unknown, moment)).toMatchObject({
      step: 'sent',
      outcome: 'unknown',
    });
  });
});
