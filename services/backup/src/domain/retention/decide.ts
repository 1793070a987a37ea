import { finish, STEP, type Steps } from '../steps.ts';
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
  return finish(decideInSteps(backups, policy, now_ms));
}

type Keep = (backup: RetainedBackup, reason: Stay) => void;

/** The same in steps of a few milliseconds, whatever the number of backups (best given newest first). */
export function* decideInSteps(
  backups: readonly RetainedBackup[],
  policy: RetentionPolicy,
  now_ms: number,
): Steps<Verdict[]> {
  const terms = { policy, calendar: calendarOf(policy.time_zone), now_ms };
  const stays = new Map<string, Stay[]>();
  const keep: Keep = ({ backup_id }, reason) =>
    void stays.getOrInsertComputed(backup_id, () => []).push(reason);
  const groups = yield* grouped(backups);
  yield* keepNewestGood(backups, now_ms, keep);
  for (const group of groups.values()) yield* keepOf(group, terms, keep);
  const verdicts: Verdict[] = [];
  for (const backup of backups) {
    if (verdicts.length % STEP === 0) yield;
    verdicts.push(verdictOf(backup, stays.get(backup.backup_id) ?? [], policy, now_ms));
  }
  return verdicts;
}

function* grouped(backups: readonly RetainedBackup[]): Steps<Map<string, RetainedBackup[]>> {
  const groups = new Map<string, RetainedBackup[]>();
  for (const [index, backup] of backups.entries()) {
    if (index % STEP === 0) yield;
    groups.getOrInsertComputed(`${backup.source}\0${kindOf(backup)}`, () => []).push(backup);
  }
  return groups;
}

/**
 * Of the periods that are asked for those that are over and of which a backup is the one that rotation would keep: `weekly` where it is the one of its
 * week. Each source and kind has one, whatever the counts of the policy are.
 */
export function* periodsOf<Backup extends RetainedBackup>(
  backups: readonly Backup[],
  { rules, time_zone }: RetentionPolicy,
  { periods, now_ms }: { readonly periods: readonly PeriodName[]; readonly now_ms: number },
): Steps<Map<string, PeriodName[]>> {
  const calendar = calendarOf(time_zone);
  const found = new Map<string, PeriodName[]>();
  const groups = yield* grouped(backups);
  for (const group of groups.values()) {
    const newest_first = group.filter(({ time_ms }) => time_ms <= now_ms).sort(newestFirst);
    yield;
    for (const period of periods) {
      const rule = { ...rules.find((one) => one.period === period), period, keep_count: Infinity };
      const now = calendar.period(period, now_ms);
      // Newest first: what is not over yet stands before all that is.
      const over = newest_first.slice(
        countWhile(newest_first, (time_ms) => calendar.period(period, time_ms) >= now),
      );
      const note: Keep = ({ backup_id }) => void found.getOrInsertComputed(backup_id, () => []).push(period);
      yield* keepByRule(over, { rule, calendar }, note);
    }
  }
  return found;
}

function countWhile(newest_first: readonly RetainedBackup[], is: (time_ms: number) => boolean): number {
  const first = newest_first.findIndex(({ time_ms }) => !is(time_ms));
  return first === -1 ? newest_first.length : first;
}

/** Holds end by themselves. */
export function isHeld({ hold }: Pick<RetainedBackup, 'hold'>, now_ms: number): boolean {
  return hold !== null && (hold.until_ms === null || hold.until_ms > now_ms);
}

const PROTECTIONS: Partial<Record<Stay | Go, string>> = {
  held: 'is held',
  pinned: 'holds the version that an open loss wants',
  loss_open: 'may hold the version that an open loss wants',
  mass_change: 'is of a source that looks as if it were under attack',
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

/** Keeps what stays of the backups of one source and kind, each with every reason. */
function* keepOf(group: readonly RetainedBackup[], terms: Terms, keep: Keep): Steps {
  const { policy, now_ms } = terms;
  const past = group.filter(({ time_ms }) => time_ms <= now_ms).sort(newestFirst);
  yield;
  const good = past.find(({ is_bad }) => !is_bad);
  if (good !== undefined) keep(good, 'newest_of_kind');
  const counted = past.filter((backup) => !isExpired(backup, now_ms));
  yield;
  const on_change = group.some((backup) => kindOf(backup) === 'on_change');
  if (on_change) {
    for (const backup of counted.filter(({ time_ms }) => time_ms > now_ms - RECENT_MS))
      keep(backup, 'recent');
  }
  if (policy.rules.length === 0) return;
  for (const rule of on_change ? [MINUTELY, ...policy.rules] : policy.rules) {
    yield* keepByRule(counted, { rule, calendar: terms.calendar }, keep);
  }
}

/** Of each source. One that is dated in the future says nothing about what is newest. */
function* keepNewestGood(backups: readonly RetainedBackup[], now_ms: number, keep: Keep): Steps {
  const newest = new Map<string, RetainedBackup>();
  for (const [index, backup] of backups.entries()) {
    if (index % STEP === 0) yield;
    if (backup.is_bad || backup.time_ms > now_ms) continue;
    const best = newest.get(backup.source);
    if (best === undefined || newestFirst(backup, best) < 0) newest.set(backup.source, backup);
  }
  for (const backup of newest.values()) keep(backup, 'newest_good');
}

function newestFirst(one: RetainedBackup, other: RetainedBackup): number {
  return other.time_ms - one.time_ms || (one.backup_id < other.backup_id ? 1 : -1);
}

type RuleTerms = { readonly rule: RotationRule; readonly calendar: Calendar };

/**
 * One of each of the newest periods that have a good backup. A bad one takes no place, and stays beside them as long as
 * it would if it were good: a verification can fail for reasons that pass, and most of its files may be well.
 */
function* keepByRule(newest_first: readonly RetainedBackup[], terms: RuleTerms, keep: Keep): Steps {
  const { rule, calendar } = terms;
  let places = rule.keep_count;
  for (const members of membersOf(newest_first, terms)) {
    yield;
    if (members === null) continue;
    const best = choose(members, rule, calendar);
    const good = choose(
      members.filter(({ is_bad }) => !is_bad),
      rule,
      calendar,
    );
    if (best !== undefined) keep(best, rule.period);
    if (good === undefined) continue;
    if (good !== best) keep(good, rule.period);
    places -= 1;
    if (places === 0) return;
  }
}

/** The backups of each period, newest first, and null for a pause; nothing is looked at that is not asked for. */
function* membersOf(
  newest_first: readonly RetainedBackup[],
  { rule, calendar }: RuleTerms,
): Generator<RetainedBackup[] | null> {
  let members: RetainedBackup[] = [];
  let current = Number.POSITIVE_INFINITY;
  for (const [index, backup] of newest_first.entries()) {
    if (index % STEP === 0) yield null;
    // Where a zone set its clocks back over midnight, a time before it can have a later date: it counts to the earlier.
    const period = Math.min(current, calendar.period(rule.period, backup.time_ms));
    if (period < current && members.length > 0) {
      yield members;
      members = [];
    }
    current = period;
    members.push(backup);
  }
  if (members.length > 0) yield members;
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
