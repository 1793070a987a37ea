import { HoldfastConfig } from '@holdfast/contracts/config';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { decideRetention, protectionOf } from './decide.ts';
import { policyOf } from './policy.ts';
import type { RetainedBackup, RetentionPolicy } from './state.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** A Wednesday. */
const NOW = Date.parse('2026-07-15T12:30:00.000Z');

/** Requirements 4.2. */
const rotation = {
  hourly: { enabled: true, keep_count: 24, backup_type: 'incremental' },
  daily: { enabled: true, keep_count: 7, backup_type: 'full' },
  weekly: { enabled: true, keep_count: 4, backup_type: 'full', day: 'sunday' },
  monthly: { enabled: true, keep_count: 12, backup_type: 'full', day: 1 },
  yearly: { enabled: true, keep_count: 5, backup_type: 'snapshot' },
} as const;

function policy(parts: object = rotation, time_zone = 'UTC'): RetentionPolicy {
  return policyOf(HoldfastConfig.parse({ host: 'web1', rotation: parts }), time_zone);
}

function backup(time_ms: number, fields: Partial<RetainedBackup> = {}): RetainedBackup {
  const { source = 'bmc', backup_type = 'incremental', reason = 'schedule' } = fields;
  const backup_id = `${new Date(time_ms).toISOString()} ${source} ${backup_type} ${reason}`;
  return {
    backup_id,
    snapshot_id: backup_id,
    source,
    backup_type,
    reason,
    time_ms,
    is_bad: false,
    expires_ms: null,
    hold: null,
    pin: null,
    ...fields,
  };
}

/** Every `step_ms` back from `NOW`, newest first. */
function every(step_ms: number, count: number, fields: Partial<RetainedBackup> = {}): RetainedBackup[] {
  return Array.from({ length: count }, (_, index) => backup(NOW - index * step_ms, fields));
}

const staying = (backups: readonly RetainedBackup[], rules = policy(), now_ms = NOW) =>
  decideRetention(backups, rules, now_ms)
    .filter(({ stays }) => stays)
    .map(({ backup: kept }) => kept);
const ids = (backups: readonly RetainedBackup[]) => backups.map(({ backup_id }) => backup_id);
const days = (backups: readonly RetainedBackup[]) => backups.map(({ backup_id }) => backup_id.slice(0, 10));
const reasonsOf = (backups: readonly RetainedBackup[], one: RetainedBackup, rules = policy()) =>
  decideRetention(backups, rules, NOW).find(({ backup: found }) => found === one)?.reasons;

describe('backupRotation: creates multiple backups over time, runs cleanup, the right ones are retained', () => {
  test('of two days of hourly backups: the last 24, and the last of the day before', () => {
    const kept = staying(every(HOUR, 48), policy({ hourly: rotation.hourly, daily: rotation.daily }));
    expect(kept.slice(0, 24)).toEqual(every(HOUR, 24));
    expect(days(kept.slice(24))).toEqual(['2026-07-13']);
  });

  test('daily full ones: 7 days, 4 Sundays, the first of 12 months, one of each year', () => {
    const fulls = every(DAY, 800, { backup_type: 'full' });
    expect(days(staying(fulls, policy({ daily: rotation.daily })))).toEqual(days(fulls.slice(0, 7)));
    expect(days(staying(fulls, policy({ weekly: rotation.weekly })))).toEqual([
      ...['2026-07-15', '2026-07-12', '2026-07-05', '2026-06-28'],
    ]);
    const monthly = days(staying(fulls, policy({ monthly: rotation.monthly }))).slice(1);
    expect(monthly).toHaveLength(12);
    expect(monthly.every((day) => day.endsWith('-01'))).toBe(true);
    expect(days(staying(fulls, policy({ yearly: rotation.yearly })))).toEqual([
      ...['2026-07-15', '2025-12-31', '2024-12-31'],
    ]);
  });

  test('a pause of a month removes nothing: periods count that have a backup', () => {
    const old = every(HOUR, 24).map((one) => backup(one.time_ms - 30 * DAY));
    expect(staying(old)).toHaveLength(24);
  });

  test('of a day, the full one stays; where it has none, its newest of any type', () => {
    const full = backup(NOW - 10 * HOUR - DAY, { backup_type: 'full' });
    const backups = [...every(HOUR, 60), full];
    const kept = staying(backups, policy({ daily: rotation.daily }));
    expect(kept).toContain(full);
    expect(days(kept)).toEqual(['2026-07-15', '2026-07-13', '2026-07-14']);
  });

  test('each source, and each kind, is counted for itself', () => {
    const deployments = every(60_000, 500, { reason: 'before_deployment', backup_type: 'snapshot' });
    const storm = every(1_000, 5_000, { reason: 'on_change' });
    const hourly = every(HOUR, 24);
    const other = every(HOUR, 24, { source: 'logs' });
    const kept = new Set(ids(staying([...deployments, ...storm, ...hourly, ...other])));
    expect(ids([...hourly, ...other]).filter((id) => !kept.has(id))).toEqual([]);
    expect(ids(deployments).filter((id) => kept.has(id)).length).toBeLessThanOrEqual(24 + 1);
  });

  test('on-change backups: all of the last hour, one a minute before it, then as the others', () => {
    const storm = every(10_000, 6 * 360, { reason: 'on_change' });
    const kept = staying(storm);
    expect(kept.filter(({ time_ms }) => time_ms > NOW - HOUR)).toHaveLength(360);
    expect(kept.length).toBeLessThan(360 + 60 + 24);
  });

  test('without a rule everything stays', () => {
    const all = every(HOUR, 100);
    expect(staying(all, policy({}))).toEqual(all);
    expect(staying(all, policy({ daily: { enabled: false, keep_count: 7 } }))).toEqual(all);
  });
});

describe('what stays whatever the rules say', () => {
  const [newest, second, ...rest] = every(HOUR, 30) as [RetainedBackup, RetainedBackup, ...RetainedBackup[]];
  const one = policy({ hourly: { keep_count: 1 } });

  test('the newest good one, and a bad one takes no place', () => {
    const bad = { ...newest, is_bad: true };
    expect(staying([bad, second, ...rest], one)).toEqual([bad, second]);
    expect(reasonsOf([bad, second, ...rest], second, one)).toEqual([
      'newest_good',
      'newest_of_kind',
      'hourly',
    ]);
  });

  test('also when it has expired', () => {
    const expired = { ...newest, expires_ms: NOW - 1 };
    expect(staying([expired], one)).toEqual([expired]);
  });

  test('what is held, until the hold ends', () => {
    const hold = { reason: 'audit', until_ms: NOW + 1, held_ms: 0, actor: 'a' };
    const last = backup(NOW - 900 * DAY, { hold });
    expect(reasonsOf([newest, last], last, one)).toEqual(['held']);
    expect(staying([newest, last], one, NOW + 1)).toEqual([newest]);
  });

  test('what an open loss wants, or may want', () => {
    const pinned = backup(NOW - 900 * DAY, { pin: 'pinned' });
    const perhaps = backup(NOW - 901 * DAY, { pin: 'loss_open' });
    expect(staying([newest, pinned, perhaps], one)).toEqual([newest, pinned, perhaps]);
  });

  test('a backup from the future stays, and takes no place', () => {
    const future = every(HOUR, 40).map((made) => backup(made.time_ms + 365 * DAY));
    const real = every(HOUR, 24);
    expect(staying([...future, ...real])).toEqual([...future, ...real]);
    expect(reasonsOf([...future, ...real], real[0] as RetainedBackup)).toContain('newest_good');
  });

  test('a clock that was set back to 1970 removes nothing', () => {
    const all = every(HOUR, 100);
    expect(staying(all, policy(), 0)).toEqual(all);
  });
});

describe('what goes', () => {
  test('what has expired, and it takes no place in a rule', () => {
    const [newest, ...others] = every(HOUR, 25) as [RetainedBackup, ...RetainedBackup[]];
    const expired = { ...(others[3] as RetainedBackup), expires_ms: NOW };
    const all = [newest, ...others.with(3, expired)];
    expect(reasonsOf(all, expired)).toEqual(['expired']);
    expect(staying(all, policy({ hourly: rotation.hourly }))).toHaveLength(24);
  });

  test('a person may remove what a rule keeps, and is told what protects the rest', () => {
    const hold = { reason: 'audit', until_ms: null, held_ms: 0, actor: 'a' };
    const all = [...every(HOUR, 2), backup(NOW - 5 * HOUR, { hold })];
    const sentences = decideRetention(all, policy(), NOW).map(protectionOf);
    expect(sentences).toEqual(['is the newest good one of its source', null, 'is held']);
  });
});

describe('the calendar', () => {
  const zone = 'America/Montevideo'; // UTC-3
  const daily = { daily: { keep_count: 10 } };

  test('days begin at the midnight of the zone', () => {
    const late = backup(Date.parse('2026-07-15T01:00:00.000Z'));
    const later = backup(Date.parse('2026-07-15T04:00:00.000Z'));
    expect(staying([late, later], policy(daily))).toEqual([later]);
    expect(staying([late, later], policy(daily, zone))).toEqual([late, later]);
  });

  test('the hour that comes twice in autumn is two hours', () => {
    const first = backup(Date.parse('2025-10-26T00:30:00.000Z'));
    const again = backup(Date.parse('2025-10-26T01:30:00.000Z'));
    const hourly = policy({ hourly: { keep_count: 10 } }, 'Europe/Madrid');
    expect(staying([first, again], hourly)).toEqual([first, again]);
  });

  test('a day that a month does not have is its last', () => {
    const february = [26, 27, 28].map((day) => backup(Date.parse(`2026-02-${day}T02:00:00.000Z`)));
    const newest = backup(NOW);
    const monthly = policy({ monthly: { keep_count: 12, day: 31 } });
    expect(staying([...february, newest], monthly)).toEqual([february[2], newest]);
  });
});

describe('property:', () => {
  const anyBackup = fc
    .record({
      age_ms: fc.oneof(fc.integer({ min: -2 * DAY, max: 3 * DAY }), fc.integer({ min: 0, max: 900 * DAY })),
      source: fc.constantFrom('bmc', 'logs'),
      backup_type: fc.constantFrom('full' as const, 'incremental' as const, 'snapshot' as const),
      reason: fc.constantFrom('schedule' as const, 'on_change' as const, 'before_deployment' as const),
      is_bad: fc.boolean(),
      expires_ms: fc.option(fc.integer({ min: NOW - DAY, max: NOW + DAY })),
      pin: fc.constantFrom(null, null, null, 'pinned' as const),
      has_other_copy: fc.boolean(),
    })
    .map(({ age_ms, ...fields }) => backup(NOW - age_ms, fields));
  const anyBackups = fc.uniqueArray(anyBackup, { selector: ({ backup_id }) => backup_id, maxLength: 60 });
  const counts = fc.record({
    hourly: fc.integer({ min: 0, max: 24 }),
    daily: fc.integer({ min: 0, max: 7 }),
    weekly: fc.integer({ min: 1, max: 4 }),
    monthly: fc.integer({ min: 0, max: 12 }),
  });
  const rulesOf = (kept: Record<'hourly' | 'daily' | 'weekly' | 'monthly', number>, more = 0) => {
    const { hourly, daily, weekly, monthly } = rotation;
    return policy({
      hourly: { ...hourly, keep_count: kept.hourly + more },
      daily: { ...daily, keep_count: kept.daily + more },
      weekly: { ...weekly, keep_count: kept.weekly + more },
      monthly: { ...monthly, keep_count: kept.monthly + more },
    });
  };
  const holds = (check: (backups: RetainedBackup[], rules: RetentionPolicy) => void) =>
    fc.assert(fc.property(anyBackups, counts, (backups, kept) => check(backups, rulesOf(kept))));

  test('to keep more never removes', () => {
    fc.assert(
      fc.property(anyBackups, counts, fc.nat(5), (backups, kept, more) => {
        const wide = new Set(ids(staying(backups, rulesOf(kept, more))));
        expect(ids(staying(backups, rulesOf(kept))).filter((id) => !wide.has(id))).toEqual([]);
      }),
    );
  });

  test('the newest good one of each source is kept', () => {
    holds((backups, rules) => {
      const kept = staying(backups, rules);
      for (const source of ['bmc', 'logs']) {
        const good = backups.filter((one) => one.source === source && !one.is_bad && one.time_ms <= NOW);
        const newest = Math.max(...good.map(({ time_ms }) => time_ms));
        if (good.length > 0) {
          expect(kept.some((one) => one.source === source && !one.is_bad && one.time_ms === newest)).toBe(
            true,
          );
        }
      }
    });
  });

  test('a second cleanup removes nothing more', () => {
    holds((backups, rules) => {
      const kept = staying(backups, rules);
      expect(staying(kept, rules)).toEqual(kept);
    });
  });

  test('order does not matter', () => {
    holds((backups, rules) => {
      expect(ids(staying(backups.toReversed(), rules)).sort()).toEqual(ids(staying(backups, rules)).sort());
    });
  });

  test('one more backup never makes another of its source or kind go than its own', () => {
    fc.assert(
      fc.property(anyBackups, anyBackup, counts, (backups, added, kept) => {
        fc.pre(!ids(backups).includes(added.backup_id));
        const rules = rulesOf(kept);
        const after = new Set(ids(staying([...backups, added], rules)));
        const gone = staying(backups, rules).filter(({ backup_id }) => !after.has(backup_id));
        const strangers = gone.filter((one) => one.source !== added.source || one.reason !== added.reason);
        expect(strangers).toEqual([]);
      }),
    );
  });
});
