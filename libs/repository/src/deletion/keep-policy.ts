import type { Snapshot } from '../api.ts';

const PERIODS = ['hourly', 'daily', 'weekly', 'monthly', 'yearly'] as const;
type Period = (typeof PERIODS)[number];

/** How many snapshots stay, of each host and source. Nothing given: all stay. */
export interface KeepPolicy extends Partial<Record<Period, number>> {
  /** So many of the newest. */
  readonly last?: number;
  /** All that did not begin earlier than so long before the newest; before now where that is dated later. */
  readonly within_ms?: number;
}

/** What becomes of a snapshot, and why. */
export interface Verdict {
  readonly snapshot: Snapshot;
  readonly keep: boolean;
  /** `last`, `daily` …; empty where nothing keeps it. */
  readonly reasons: readonly string[];
}

/**
 * Applies a policy to each host and source by itself: the newest snapshot of each of the last n hours, days … that have
 * one (restic's rule), in local time. The newest of all always stays. A clock that was wrong for once takes one place in a rule and no
 * more: what is newer is decided by `time_ms`, which rises whatever the clock does, and what hour or day a snapshot is of by
 * `started_ms`. So is how long ago it was made: the newest may be dated in the future, and the others are not old for that.
 */
export function applyKeepPolicy(
  snapshots: readonly Snapshot[],
  policy: KeepPolicy,
  now_ms: number,
): Verdict[] {
  const streams = Map.groupBy(snapshots, ({ host, source }) => JSON.stringify([host, source]));
  return [...streams.values()].flatMap((stream) => judge(stream, policy, now_ms));
}

function judge(stream: readonly Snapshot[], policy: KeepPolicy, now_ms: number): Verdict[] {
  const newest_first = [...stream].sort((one, other) => other.time_ms - one.time_ms);
  if (isEmpty(policy)) return newest_first.map((snapshot) => verdict(snapshot, ['no policy']));
  const counters = PERIODS.map((period) => countPeriods(period, policy[period] ?? 0));
  const { within_ms } = policy;
  const newest_ms = Math.min(newest_first[0]?.started_ms ?? 0, now_ms);
  const since_ms = within_ms === undefined ? Infinity : newest_ms - within_ms;
  return newest_first.map((snapshot, index) => {
    const reasons: string[] = counters.flatMap((take) => take(snapshot) ?? []);
    if (index < (policy.last ?? 0)) reasons.push('last');
    if (snapshot.started_ms >= since_ms) reasons.push('within');
    if (index === 0 && reasons.length === 0) reasons.push('newest');
    return verdict(snapshot, reasons);
  });
}

/** Called with snapshots, newest first: takes the first of each period until it has taken `count`. A clock that jumped comes back to a period. */
function countPeriods(period: Period, count: number): (snapshot: Snapshot) => Period | undefined {
  const taken = new Set<string>();
  return ({ started_ms }) => {
    const name = periodOf(period, new Date(started_ms));
    if (taken.size === count || taken.has(name)) return undefined;
    taken.add(name);
    return period;
  };
}

function periodOf(period: Period, time: Date): string {
  const [year, month, day] = [time.getFullYear(), time.getMonth(), time.getDate()];
  if (period === 'yearly') return `${year}`;
  if (period === 'monthly') return `${year}-${month}`;
  // A week is named by its Monday.
  if (period === 'weekly') return new Date(year, month, day - ((time.getDay() + 6) % 7)).toDateString();
  return period === 'daily' ? `${year}-${month}-${day}` : `${year}-${month}-${day} ${time.getHours()}`;
}

function isEmpty({ last, within_ms, ...periods }: KeepPolicy): boolean {
  return within_ms === undefined && [last, ...Object.values(periods)].every((count) => !count);
}

function verdict(snapshot: Snapshot, reasons: readonly string[]): Verdict {
  return { snapshot, keep: reasons.length > 0, reasons };
}
