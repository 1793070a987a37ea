import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Snapshot } from '../api.ts';
import { applyKeepPolicy, type KeepPolicy } from './keep-policy.ts';

const HOUR_MS = 3_600_000;
const START_MS = new Date(2026, 0, 5, 0, 30).getTime();

function snapshotAt(hours: number, source = 's'): Snapshot {
  const time_ms = START_MS + hours * HOUR_MS;
  return { id: `${source}${hours}`, host: 'h', source, time_ms, started_ms: time_ms } as Snapshot;
}

const LATER_MS = START_MS + 30_000 * HOUR_MS;

function kept(snapshots: readonly Snapshot[], policy: KeepPolicy, now_ms = LATER_MS): string[] {
  return applyKeepPolicy(snapshots, policy, now_ms)
    .filter(({ keep }) => keep)
    .map(({ snapshot }) => snapshot.id)
    .sort();
}

describe('a keep policy', () => {
  test('keeps the newest of each of the last periods that have one', () => {
    // Given: one an hour for ten days, the first two days without any in the second half of the day.
    const hours = Array.from({ length: 240 }, (_, hour) => hour).filter(
      (hour) => hour > 48 || hour % 24 < 12,
    );
    const snapshots = hours.map((hour) => snapshotAt(hour));
    expect(kept(snapshots, { daily: 3 })).toEqual(['s191', 's215', 's239']);
    expect(kept(snapshots, { hourly: 2, daily: 2 })).toEqual(['s215', 's238', 's239']);
    expect(kept(snapshots, { weekly: 5 })).toEqual(['s167', 's239']);
    expect(kept(snapshots, { last: 2 })).toEqual(['s238', 's239']);
    expect(kept(snapshots, { within_ms: 2 * HOUR_MS })).toEqual(['s237', 's238', 's239']);
  });

  test('that is empty keeps everything, and each source is counted by itself', () => {
    const snapshots = [snapshotAt(0), snapshotAt(1), snapshotAt(0, 't'), snapshotAt(1, 't')];
    expect(kept(snapshots, {})).toHaveLength(4);
    expect(kept(snapshots, { daily: 0 })).toHaveLength(4);
    expect(kept(snapshots, { last: 1 })).toEqual(['s1', 't1']);
  });

  test.each([
    ['forward', 400],
    ['back', -400],
  ])('loses nothing to a clock that jumped %s for one backup', (_, days) => {
    // Given: one a day for thirty days, in the middle of them one that the clock dated elsewhere; times rise all the same.
    let time_ms = 0;
    const snapshots = Array.from({ length: 30 }, (__, day) => {
      const { started_ms, ...fields } = snapshotAt(24 * (day === 15 ? day + days : day));
      time_ms = Math.max(started_ms, time_ms + 1);
      return { ...fields, id: `day ${day}`, started_ms, time_ms };
    });
    const daysOf = (policy: KeepPolicy) => new Set(kept(snapshots, policy));
    const last = Array.from({ length: 14 }, (__, index) => `day ${29 - index}`);
    expect(daysOf({ daily: 14 })).toEqual(new Set(last));
    expect(daysOf({ daily: 20 })).toEqual(new Set(snapshots.slice(10).map(({ id }) => id)));
    expect(daysOf({ within_ms: 13 * 24 * HOUR_MS })).toEqual(new Set(days < 0 ? last : [...last, 'day 15']));
  });

  test('keeps what is close to now where the newest is dated in the future', () => {
    const [yesterday, today, wrong] = [snapshotAt(0), snapshotAt(24), snapshotAt(24 * 400)];
    const now_ms = START_MS + 25 * HOUR_MS;
    const policy = { within_ms: 12 * HOUR_MS };
    expect(kept([yesterday, today, wrong], policy, now_ms)).toEqual([today.id, wrong.id]);
    // A clock that is behind by now keeps more, never less.
    expect(kept([yesterday, today], policy, START_MS)).toEqual([yesterday.id, today.id]);
    expect(kept([yesterday, today], policy, now_ms + 1_000 * HOUR_MS)).toEqual([today.id]);
  });

  const counts = fc.nat(5);
  const policies = fc.record({
    last: counts,
    hourly: counts,
    daily: counts,
    weekly: counts,
    monthly: counts,
    yearly: counts,
  });

  test('never lets the newest go, never keeps less for keeping more, and is done after once', () => {
    const hours = fc.uniqueArray(fc.nat(20_000), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(hours, policies, policies, (times, policy, more) => {
        const snapshots = times.map((hour) => snapshotAt(hour));
        const stays = kept(snapshots, policy);
        expect(stays).toContain(`s${Math.max(...times)}`);
        const sum = Object.fromEntries(
          Object.entries(policy).map(([period, count]) => [
            period,
            count + more[period as keyof typeof more],
          ]),
        );
        const is_empty = Object.values(policy).every((count) => count === 0);
        if (!is_empty) expect(kept(snapshots, sum)).toEqual(expect.arrayContaining(stays));
        const again = snapshots.filter(({ id }) => stays.includes(id));
        expect(kept(again, policy)).toEqual(stays);
      }),
    );
  });
});
