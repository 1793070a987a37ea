import { type Calendar, calendarOf } from './periods.ts';
import type {
  Go,
  PeriodName,
  RetainedBackup,
  RetentionPolicy,
  RotationRule,
  Stay,
  Verdict,
} from './state.ts';

/** On-change backups come once a second at worst: all of the last hour stay, then one a minute. */
const RECENT_MS = 3_600_000;
const MINUTELY: RotationRule = { period: 'minutely', keep_count: 60 };

/**
 * Says for each backup whether it stays, and why. Backups are counted by source and kind: on-change backups and those
 * before a deployment are kinds of their own, so that many of them never push out the others. Of each rule's newest
 * periods that have a good backup one stays, so that a pause removes nothing. Without a rule everything stays.
 *
 * The newest good one of a source, and of each kind, stays always, as do those that are held, pinned, or dated in the future (the
 * clock was wrong, then or now): these take no place in a rule either.
 */
export function decideRetention(
  backups: readonly RetainedBackup[],
  policy: RetentionPolicy,
  now_ms: number,
): Verdict[] {
  const calendar = calendarOf(policy.time_zone);
  const groups = Map.groupBy(backups, (backup) => `${backup.source}\0${kindOf(backup)}`);
  const stays = new Map<string, Stay[]>();
  for (const id of newestGood(backups, now_ms)) stays.set(id, ['newest_good']);
  for (const group of groups.values()) {
    for (const [id, reason] of keptOf(group, { policy, calendar, now_ms })) {
      stays.getOrInsertComputed(id, () => []).push(reason);
    }
  }
  return backups.map((backup) => verdictOf(backup, stays.get(backup.backup_id) ?? [], policy, now_ms));
}

/**
 * Of the periods that are asked for those that are over and of which a backup is the one that rotation would keep: `weekly` where it is the one of its
 * week. Each source and kind has one, whatever the counts of the policy are.
 */
export function periodsOf<Backup extends RetainedBackup>(
  backups: readonly Backup[],
  { rules, time_zone }: RetentionPolicy,
  { periods, now_ms }: { readonly periods: readonly PeriodName[]; readonly now_ms: number },
): Map<string, PeriodName[]> {
  const calendar = calendarOf(time_zone);
  const found = new Map<string, PeriodName[]>();
  const past = backups.filter(({ time_ms }) => time_ms <= now_ms);
  const groups = Map.groupBy(past, (backup) => `${backup.source}\0${kindOf(backup)}`);
  for (const group of groups.values()) {
    const newest_first = group.toSorted(newestFirst);
    for (const period of periods) {
      const rule = rules.find((one) => one.period === period);
      const now = calendar.period(period, now_ms);
      const over = newest_first.filter(({ time_ms }) => calendar.period(period, time_ms) < now);
      for (const { backup_id } of keptByRule(over, { ...rule, period, keep_count: Infinity }, calendar)) {
        found.getOrInsertComputed(backup_id, () => []).push(period);
      }
    }
  }
  return found;
}

/** Holds end by themselves. */
export function isHeld({ hold }: Pick<RetainedBackup, 'hold'>, now_ms: number): boolean {
  return hold !== null && (hold.until_ms === null || hold.until_ms > now_ms);
}

const PROTECTIONS: Partial<Record<Stay | Go, string>> = {
  held: 'is held',
  pinned: 'holds the version that an open loss wants',
  loss_open: 'may hold the version that an open loss wants',
  newest_good: 'is the newest good one of its source',
};

/** Why not even a person may remove a backup by name; null where they may. */
export function protectionOf({ reasons }: Verdict): string | null {
  return reasons.map((reason) => PROTECTIONS[reason]).find((sentence) => sentence !== undefined) ?? null;
}

type Kind = 'regular' | 'on_change' | 'before_deployment';

function kindOf({ reason }: RetainedBackup): Kind {
  return reason === 'on_change' || reason === 'before_deployment' ? reason : 'regular';
}

interface Terms {
  readonly policy: RetentionPolicy;
  readonly calendar: Calendar;
  readonly now_ms: number;
}

/** The backups of one source and kind that stay, each with a reason; one may come several times. */
function* keptOf(group: readonly RetainedBackup[], terms: Terms): Generator<[string, Stay]> {
  const { policy, now_ms } = terms;
  const past = group.filter(({ time_ms }) => time_ms <= now_ms).sort(newestFirst);
  const good = past.find(({ is_bad }) => !is_bad);
  if (good !== undefined) yield [good.backup_id, 'newest_of_kind'];
  const counted = past.filter((backup) => !isExpired(backup, now_ms));
  const on_change = group.some((backup) => kindOf(backup) === 'on_change');
  if (on_change) yield* counted.filter(({ time_ms }) => time_ms > now_ms - RECENT_MS).map(recent);
  if (policy.rules.length === 0) return;
  for (const rule of on_change ? [MINUTELY, ...policy.rules] : policy.rules) {
    for (const { backup_id } of keptByRule(counted, rule, terms.calendar)) yield [backup_id, rule.period];
  }
}

/** Of each source. One that is dated in the future says nothing about what is newest. */
function newestGood(backups: readonly RetainedBackup[], now_ms: number): string[] {
  const newest = new Map<string, RetainedBackup>();
  for (const backup of backups) {
    if (backup.is_bad || backup.time_ms > now_ms) continue;
    const best = newest.get(backup.source);
    if (best === undefined || newestFirst(backup, best) < 0) newest.set(backup.source, backup);
  }
  return Array.from(newest.values(), ({ backup_id }) => backup_id);
}

function recent({ backup_id }: RetainedBackup): [string, Stay] {
  return [backup_id, 'recent'];
}

function newestFirst(one: RetainedBackup, other: RetainedBackup): number {
  return other.time_ms - one.time_ms || (one.backup_id < other.backup_id ? 1 : -1);
}

/**
 * One of each of the newest periods that have a good backup. A bad one takes no place, and stays beside them as long as
 * it would if it were good: a verification can fail for reasons that pass, and most of its files may be well.
 */
function* keptByRule(
  newest_first: readonly RetainedBackup[],
  rule: RotationRule,
  calendar: Calendar,
): Generator<RetainedBackup> {
  const periods = Map.groupBy(newest_first, ({ time_ms }) => calendar.period(rule.period, time_ms));
  let places = rule.keep_count;
  for (const members of periods.values()) {
    if (places === 0) return;
    const best = choose(members, rule, calendar);
    const good = choose(
      members.filter(({ is_bad }) => !is_bad),
      rule,
      calendar,
    );
    if (best !== undefined) yield best;
    if (good === undefined) continue;
    if (good !== best) yield good;
    places -= 1;
  }
}

/** Of the wanted type, else of any (every backup is complete); of the wanted day, else of any; the newest of these. */
function choose(
  newest_first: readonly RetainedBackup[],
  { prefer_type, prefer_day }: RotationRule,
  calendar: Calendar,
): RetainedBackup | undefined {
  const typed = newest_first.filter(({ backup_type }) => backup_type === prefer_type);
  const wanted = typed.length > 0 ? typed : newest_first;
  const onDay = wanted.find(({ time_ms }) => prefer_day !== undefined && calendar.isOn(prefer_day, time_ms));
  return onDay ?? wanted[0];
}

function verdictOf(
  backup: RetainedBackup,
  kept: readonly Stay[],
  policy: RetentionPolicy,
  now_ms: number,
): Verdict {
  const protections: Stay[] = [];
  if (isHeld(backup, now_ms)) protections.push('held');
  if (backup.pin !== null) protections.push(backup.pin);
  if (backup.time_ms > now_ms) protections.push('from_future');
  const end: Go | null = isExpired(backup, now_ms) ? 'expired' : null;
  if (end === null && policy.rules.length === 0) protections.push('no_rotation');
  const reasons = [...kept, ...protections];
  if (reasons.length > 0) return { backup, stays: true, reasons };
  return { backup, stays: false, reasons: [end ?? 'not_in_rotation'] };
}

/** What ends a backup's life whatever the rules say. */
function isExpired({ expires_ms }: RetainedBackup, now_ms: number): boolean {
  return expires_ms !== null && expires_ms <= now_ms;
}
