import { HoldfastConfig } from '@holdfast/contracts/config';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { decideRetention } from './decide.ts';
import { expiryOf } from './expiry.ts';
import { policyOf } from './policy.ts';
import type { RetainedBackup } from './state.ts';

const rotation = {
  hourly: { keep_count: 24, backup_type: 'incremental' },
  daily: { keep_count: 7, backup_type: 'full' },
  weekly: { keep_count: 4, backup_type: 'full', day: 'sunday' },
  monthly: { keep_count: 12, backup_type: 'full', day: 1 },
} as const;
const policy = (rules: object = rotation, time_zone = 'UTC') =>
  policyOf(HoldfastConfig.parse({ host: 'web1', rotation: rules }), time_zone);
const expiry = (backup_type: 'full' | 'incremental' | 'snapshot', time: string, zone = 'UTC') => {
  const found = expiryOf(
    { backup_type, time_ms: Date.parse(time), expires_ms: null },
    policy(rotation, zone),
  );
  return found === null ? null : new Date(found).toISOString();
};

describe('when a backup goes', () => {
  test.each([
    ['incremental', '2026-07-15T12:30:00Z', '2026-07-16T12:00:00.000Z', 'after 24 hours'],
    ['full', '2026-07-15T02:00:00Z', '2026-07-22T00:00:00.000Z', 'after 7 days'],
    ['full', '2026-07-19T02:00:00Z', '2026-08-10T00:00:00.000Z', 'a Sunday: after 4 weeks'],
    ['full', '2026-07-01T02:00:00Z', '2027-07-01T00:00:00.000Z', 'the first: after 12 months'],
    ['snapshot', '2026-07-15T02:30:00Z', '2026-07-16T02:00:00.000Z', 'of a type that no rule prefers'],
  ] as const)('%s of %s: %s (%s)', (type, time, end, _why) => {
    expect(expiry(type, time)).toBe(end);
  });

  test('counts in the time zone', () => {
    expect(expiry('full', '2026-07-15T02:00:00Z', 'America/Montevideo')).toBe('2026-07-21T03:00:00.000Z');
  });

  test('is never without rotation, and what was given explicitly with one', () => {
    const backup = { backup_type: 'full', time_ms: 0, expires_ms: null } as const;
    expect(expiryOf(backup, policy({}))).toBeNull();
    expect(expiryOf({ ...backup, expires_ms: 5 }, policy())).toBe(5);
  });
});

test('property: where backups go on, it is gone at that time, whatever rule had kept it', () => {
  const backup = (time_ms: number, backup_id: string): RetainedBackup => ({
    ...{ backup_id, snapshot_id: backup_id, source: 'bmc', backup_type: 'full', reason: 'schedule' },
    ...{
      time_ms,
      is_bad: false,
      expires_ms: null,
      hold: null,
      pin: null,
    },
  });
  const zones = fc.constantFrom('UTC', 'America/Montevideo', 'Europe/Berlin', 'Asia/Kolkata');
  const days = fc.integer({ min: 0, max: 800 });
  fc.assert(
    fc.property(days, fc.integer({ min: 1, max: 9 }), zones, (day, keep_count, zone) => {
      const rules = policy({ daily: { keep_count } }, zone);
      const first = backup(Date.UTC(2026, 0, 1, 12) + day * 86_400_000, 'first');
      const end_ms = expiryOf(first, rules) ?? 0;
      const later = Array.from({ length: keep_count + 1 }, (_, n) =>
        backup(first.time_ms + (n + 1) * 86_400_000, `later ${n}`),
      );
      const stays = (now_ms: number) =>
        decideRetention([first, ...later.filter(({ time_ms }) => time_ms <= now_ms)], rules, now_ms)[0]
          ?.stays;
      expect(stays(end_ms - 1)).toBe(true);
      expect(stays(end_ms + 86_400_000)).toBe(false);
    }),
  );
});
