import { HoldfastConfig } from '@holdfast/contracts/config';
import { describe, expect, test } from '@jest/globals';
import type { BackupReason } from '../../domain/backup-run/state.ts';
import { decideRetention } from '../../domain/retention/decide.ts';
import { policyOf } from '../../domain/retention/policy.ts';
import type { RetainedBackup } from '../../domain/retention/state.ts';
import { dueSlot } from '../../domain/schedule/decide.ts';
import { cronOf, typeOf } from '../../domain/schedule/define.ts';
import { cronSlots } from './cron-slots.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

function times(cron: string, zone: string, from: string, count: number): string[] {
  const slots = cronSlots(cron, zone);
  const found: number[] = [Date.parse(from)];
  for (let number = 0; number < count; number++) found.push(slots.next(found.at(-1) ?? 0) ?? 0);
  return found.slice(1).map((time_ms) => new Date(time_ms).toISOString().slice(0, 16));
}

describe('the slots of a cron expression', () => {
  test('are those of its time zone', () => {
    expect(times('0 2 * * *', 'America/Montevideo', '2026-07-15T00:00:00.000Z', 2)).toEqual([
      ...['2026-07-15T05:00', '2026-07-16T05:00'],
    ]);
  });

  test('where a time does not exist it comes an hour later; where it comes twice, once', () => {
    expect(times('30 2 * * *', 'Europe/Madrid', '2026-03-28T12:00:00.000Z', 2)).toEqual([
      ...['2026-03-29T01:00', '2026-03-30T00:30'],
    ]);
    expect(times('30 2 * * *', 'Europe/Madrid', '2026-10-24T12:00:00.000Z', 2)).toEqual([
      ...['2026-10-25T00:30', '2026-10-26T01:30'],
    ]);
  });

  test('every hour is every hour, also when clocks change', () => {
    const spring = times('0 * * * *', 'Europe/Madrid', '2026-03-28T23:00:00.000Z', 4);
    const autumn = times('0 * * * *', 'Europe/Madrid', '2026-10-24T22:00:00.000Z', 5);
    expect(spring.map((time) => time.slice(11, 13))).toEqual(['00', '01', '02', '03']);
    expect(autumn.map((time) => time.slice(11, 13))).toEqual(['23', '00', '01', '02', '03']);
  });

  test('the latest is the one at or before a time', () => {
    const slots = cronSlots('0 2 * * *', 'UTC');
    const two = Date.parse('2026-07-15T02:00:00.000Z');
    expect([two - 1, two, two + 1, two + 999, two + DAY - 1].map((now_ms) => slots.latest(now_ms))).toEqual([
      ...[two - DAY, two, two, two, two],
    ]);
  });
});

/** Requirements 1.1 and 4.2. */
const { schedule = {}, ...config } = HoldfastConfig.parse({
  host: 'web1',
  schedule: {
    hourly: { enabled: true, type: 'incremental' },
    daily: { enabled: true, type: 'full', time: '02:00' },
    weekly: { enabled: true, type: 'full', day: 'sunday' },
    before_deployment: { enabled: true, type: 'snapshot' },
  },
  rotation: {
    hourly: { enabled: true, keep_count: 24, backup_type: 'incremental' },
    daily: { enabled: true, keep_count: 7, backup_type: 'full' },
    weekly: { enabled: true, keep_count: 4, backup_type: 'full', day: 'sunday' },
    monthly: { enabled: true, keep_count: 12, backup_type: 'full', day: 1 },
    yearly: { enabled: true, keep_count: 5, backup_type: 'snapshot' },
  },
});

function made(
  time_ms: number,
  backup_type: RetainedBackup['backup_type'],
  reason: BackupReason,
): RetainedBackup {
  const backup_id = `${new Date(time_ms).toISOString().slice(0, 16)} ${backup_type}`;
  const fixed = { source: 'bmc', is_bad: false, expires_ms: null, hold: null, pin: null };
  return { ...fixed, backup_id, snapshot_id: backup_id, backup_type, reason, time_ms };
}

function startSchedules(zone: string, start_ms: number) {
  return Object.entries(schedule).flatMap(([name, given]) => {
    const cron = cronOf({ name, config: given });
    if (cron === null) return [];
    const type = typeOf({ name, config: given });
    return [{ slots: cronSlots(cron, zone), config: given, type, last_slot_ms: start_ms, next_ms: start_ms }];
  });
}

/** Plays the schedules by the clock, cleaning up once a day; what is there at the end, oldest first. */
function play(zone: string, start_ms: number, end_ms: number): string[] {
  const policy = policyOf(config, zone);
  const schedules = startSchedules(zone, start_ms);
  let backups: RetainedBackup[] = [];
  const cleanUp = (now_ms: number) => {
    backups = decideRetention(backups, policy, now_ms).flatMap(({ backup, stays }) =>
      stays ? [backup] : [],
    );
  };
  let cleaned_ms = start_ms;
  for (let now_ms = start_ms; now_ms <= end_ms; ) {
    for (const one of schedules.filter(({ next_ms }) => next_ms <= now_ms)) {
      const due = dueSlot(one, { slots: one.slots, key: 'web1' }, now_ms);
      if (due.slot_ms !== null) backups.push(made(now_ms, one.type, 'schedule'));
      one.last_slot_ms = due.slot_ms ?? one.last_slot_ms;
      one.next_ms = due.next_ms ?? end_ms + 1;
    }
    if (now_ms - cleaned_ms >= DAY) {
      cleanUp(now_ms);
      cleaned_ms = now_ms;
    }
    now_ms = Math.min(...schedules.map(({ next_ms }) => next_ms));
  }
  cleanUp(end_ms);
  return backups.map(({ backup_id }) => backup_id).sort();
}

describe('a virtual year of the schedules of the requirements', () => {
  const end = Date.parse('2026-12-31T23:30:00.000Z');

  test('ends with exactly the backups that the rotation allows', () => {
    const kept = play('UTC', Date.parse('2026-01-01T00:00:00.000Z') - 1, end);
    const iso = (time_ms: number) => new Date(time_ms).toISOString();
    const hours = Array.from(
      { length: 24 },
      (_, back) => `${iso(end - back * HOUR).slice(0, 13)}:00 incremental`,
    );
    const full = (day: string) => `${day}T02:00 full`;
    const days = Array.from({ length: 7 }, (_, back) => full(iso(end - back * DAY).slice(0, 10)));
    // The week of the 31st has no Sunday yet: its newest stays until it has one.
    const weeks = ['2026-12-31', '2026-12-27', '2026-12-20', '2026-12-13'].map(full);
    const months = Array.from({ length: 12 }, (_, month) =>
      full(`2026-${String(month + 1).padStart(2, '0')}-01`),
    );
    expect(kept).toEqual([...new Set([...hours, ...days, ...weeks, ...months])].sort());
  });

  test('also where clocks change', () => {
    const kept = play('Europe/Madrid', Date.parse('2025-12-31T23:00:00.000Z') - 1, end - HOUR);
    const fulls = kept.filter((id) => id.endsWith('full'));
    expect(kept.filter((id) => id.endsWith('incremental'))).toHaveLength(24);
    expect(fulls.filter((id) => /-\d\d-01T0[01]:00/.test(id))).toHaveLength(12);
    expect(fulls).toHaveLength(7 + 2 + 12);
  });
});
