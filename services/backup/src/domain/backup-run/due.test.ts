import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { nextRun, ON_CHANGE_GAP_MS, type SourcePlan, type SourceProgress, slotAfter } from './due.ts';

const NOW = Date.parse('2026-03-01T12:00:00.000Z');
const HOUR = 3_600_000;
const critical: SourcePlan = { source: 'conversations', on_change: true, frequency: 'hourly' };
const weekly: SourcePlan = { source: 'system', on_change: false, frequency: 'weekly' };
const walked: SourceProgress = {
  walked_ms: NOW - 60_000,
  started_ms: NOW - 60_000,
  changed_ms: null,
  walk_not_before_ms: 0,
  held_ms: 0,
  is_scheduled: false,
};

describe('the next run of a source', () => {
  test('a source that was never backed up gets a full backup at once', () => {
    expect(nextRun(weekly, { ...walked, walked_ms: null, started_ms: null }, NOW)).toEqual({
      at_ms: 0,
      reason: 'first',
      type: 'full',
      walk: true,
    });
  });

  test('the first change of a critical source is due at once', () => {
    expect(nextRun(critical, { ...walked, changed_ms: NOW }, NOW)).toMatchObject({
      at_ms: NOW,
      reason: 'on_change',
      walk: false,
    });
  });

  test('a change just after a run waits for the gap, and is still in time', () => {
    const due = nextRun(critical, { ...walked, started_ms: NOW, changed_ms: NOW + 1 }, NOW + 1);
    expect(due.at_ms).toBe(NOW + ON_CHANGE_GAP_MS);
  });

  test('a change of another source waits for the schedule', () => {
    const due = nextRun(weekly, { ...walked, changed_ms: NOW }, NOW);
    expect(due).toMatchObject({ at_ms: NOW - 60_000 + 7 * 24 * HOUR, reason: 'schedule' });
  });

  test('where a schedule walks as often, the frequency only steps in after another interval', () => {
    const due = nextRun(weekly, { ...walked, is_scheduled: true }, NOW);
    expect(due.at_ms).toBe(NOW - 60_000 + 14 * 24 * HOUR);
  });

  test('a walk that is due goes before a change, for it holds the change too', () => {
    const due = nextRun(critical, { ...walked, walked_ms: NOW - 2 * HOUR, changed_ms: NOW - 10 }, NOW);
    expect(due).toMatchObject({ reason: 'schedule', walk: true });
  });

  test('a walk that fell due while nobody was here waits, a change does not', () => {
    const progress = { ...walked, walked_ms: NOW - 5 * HOUR, walk_not_before_ms: NOW + 10_000 };
    expect(nextRun(critical, progress, NOW).at_ms).toBe(NOW + 10_000);
    expect(nextRun(critical, { ...progress, changed_ms: NOW }, NOW)).toMatchObject({ reason: 'on_change' });
  });

  test('a clock that was set back delays by one gap at most', () => {
    const due = nextRun(critical, { ...walked, started_ms: NOW + HOUR, changed_ms: NOW + HOUR }, NOW);
    expect(due.at_ms).toBe(NOW + ON_CHANGE_GAP_MS);
  });

  test('a month ends on its last day', () => {
    const next = slotAfter('monthly', Date.parse('2026-01-31T02:00:00.000Z'));
    expect(new Date(next).toISOString()).toBe('2026-02-28T02:00:00.000Z');
  });
});

/** Plays changes against the rule as the service does: a run takes `work_ms` and holds all that came before its start. */
function play(changes: readonly number[], work_ms: number): { starts: number[]; delays_ms: number[] } {
  const starts: number[] = [];
  const delays_ms: number[] = [];
  let waiting = [...changes].sort((one, other) => one - other).map((offset) => NOW + offset);
  let started_ms: number | null = null;
  let free_ms = NOW;
  while (waiting.length > 0) {
    const changed_ms = waiting[0] ?? NOW;
    const now_ms = Math.max(free_ms, changed_ms);
    const due = nextRun(critical, { ...walked, walked_ms: NOW, started_ms, changed_ms }, now_ms);
    const start = Math.max(due.at_ms, now_ms);
    starts.push(start);
    started_ms = start;
    free_ms = start + work_ms;
    delays_ms.push(...waiting.filter((at) => at <= start).map((at) => free_ms - at));
    waiting = waiting.filter((at) => at > start);
  }
  return { starts, delays_ms };
}

test('property: whatever the storm, every change is held within the gap and a run, and runs keep the gap', () => {
  const storm = fc.array(fc.integer({ min: 0, max: 20_000 }), { minLength: 1, maxLength: 200 });
  fc.assert(
    fc.property(storm, fc.integer({ min: 1, max: 50 }), (changes, work_ms) => {
      const { starts, delays_ms } = play(changes, work_ms);
      expect(delays_ms).toHaveLength(changes.length);
      expect(Math.max(...delays_ms)).toBeLessThanOrEqual(ON_CHANGE_GAP_MS + work_ms);
      for (const [index, start] of starts.entries()) {
        if (index > 0) expect(start - (starts[index - 1] ?? 0)).toBeGreaterThanOrEqual(ON_CHANGE_GAP_MS);
      }
      expect(starts[0]).toBe(NOW + Math.min(...changes));
    }),
  );
});
