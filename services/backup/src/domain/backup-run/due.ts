import type { BackupType } from '@holdfast/contracts/backup-events';

export type Frequency = 'on_change' | 'hourly' | 'daily' | 'weekly' | 'monthly';

/** What the configuration says about one source. */
export interface SourcePlan {
  readonly source: string;
  /** Changed files go into a snapshot at once: critical sources, and those that say `on_change`. */
  readonly on_change: boolean;
  readonly frequency: Frequency;
  /** Holdfast itself: it begins after all others, and no schedule has it but those that name it. */
  readonly is_own?: boolean;
}

/** Where one source stands. Times are milliseconds since the epoch; null: never, or none. */
export interface SourceProgress {
  /** When a run that looked at everything began, and succeeded. */
  readonly walked_ms: number | null;
  /** When the last on-change run began. */
  readonly started_ms: number | null;
  /** The oldest change that no snapshot holds. */
  readonly changed_ms: number | null;
  /** A walk that fell due while nobody was here waits until then, so that losses are noticed before it. */
  readonly walk_not_before_ms: number;
  /** One that was cancelled: no walk begins by itself before. What changes does not wait for that. */
  readonly held_ms: number;
  /** A schedule walks it as often: its frequency only counts where the schedule has let a whole interval pass. */
  readonly is_scheduled: boolean;
}

/** A run that the system itself decides on, and from when on. */
export interface DueRun {
  readonly at_ms: number;
  readonly reason: 'first' | 'schedule' | 'on_change' | 'reconciled';
  readonly type: BackupType;
  /** Look at every file, or only at those that events named. */
  readonly walk: boolean;
}

/**
 * From the start of one on-change run to the start of the next of the same source. A little under a second: an edit that
 * came just after a run had begun is still in a snapshot within the second that is promised.
 */
export const ON_CHANGE_GAP_MS = 950;

/** After a start the schedules make up first what was missed. */
const SCHEDULE_FIRST_MS = 300_000;
/** What people want protected goes first. */
const OWN_FIRST_MS = 50_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/**
 * The next run of a source that nothing is running for; it may be due already. A time in the future of `now_ms` (the clock was set back) delays by one interval at most.
 */
export function nextRun(plan: SourcePlan, progress: SourceProgress, now_ms: number): DueRun {
  if (progress.walked_ms === null) {
    const first_ms = plan.is_own ? progress.walk_not_before_ms + OWN_FIRST_MS : 0;
    const at_ms = Math.max(first_ms, progress.held_ms);
    return { at_ms, reason: 'first', type: 'full', walk: true };
  }
  const walk = nextWalk(plan, progress, progress.walked_ms, now_ms);
  const change = nextOnChange(plan, progress, now_ms);
  // A walk holds the changes too, so it goes first where both are due.
  return change !== null && change.at_ms < walk.at_ms && walk.at_ms > now_ms ? change : walk;
}

/** The next run for changes alone; null where none waits. */
export function nextOnChange(plan: SourcePlan, progress: SourceProgress, now_ms: number): DueRun | null {
  if (!plan.on_change || progress.changed_ms === null) return null;
  const changed_ms = Math.min(progress.changed_ms, now_ms);
  const free_ms =
    progress.started_ms === null ? changed_ms : Math.min(progress.started_ms, now_ms) + ON_CHANGE_GAP_MS;
  return { at_ms: Math.max(changed_ms, free_ms), reason: 'on_change', type: 'incremental', walk: false };
}

function nextWalk(plan: SourcePlan, progress: SourceProgress, walked_ms: number, now_ms: number): DueRun {
  const slot_ms = slotAfter(plan.frequency, Math.min(walked_ms, now_ms));
  const reason = plan.frequency === 'on_change' ? 'reconciled' : 'schedule';
  const at_ms = progress.is_scheduled
    ? Math.max(slotAfter(plan.frequency, slot_ms), progress.walk_not_before_ms + SCHEDULE_FIRST_MS)
    : Math.max(slot_ms, progress.walk_not_before_ms);
  return { at_ms: Math.max(at_ms, progress.held_ms), reason, type: 'incremental', walk: true };
}

/** When the next look at everything is due; what is backed up on change is walked hourly, to find what events missed. */
export function slotAfter(frequency: Frequency, last_ms: number): number {
  switch (frequency) {
    case 'on_change':
    case 'hourly':
      return last_ms + HOUR_MS;
    case 'daily':
      return last_ms + DAY_MS;
    case 'weekly':
      return last_ms + 7 * DAY_MS;
    case 'monthly':
      return monthAfter(last_ms);
  }
}

/** The same day and time of the next month, in UTC; its last day where it has no such day. */
function monthAfter(time_ms: number): number {
  const date = new Date(time_ms);
  const day = date.getUTCDate();
  date.setUTCDate(1);
  date.setUTCMonth(date.getUTCMonth() + 1);
  const days = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate();
  date.setUTCDate(Math.min(day, days));
  return date.getTime();
}
