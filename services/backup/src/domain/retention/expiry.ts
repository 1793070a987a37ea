import { type Calendar, calendarOf } from './periods.ts';
import type { RetainedBackup, RetentionPolicy, RotationRule } from './state.ts';

type Backup = Pick<RetainedBackup, 'backup_type' | 'time_ms' | 'expires_ms'>;

const DAY_MS = 86_400_000;
/** A day more than the longest of each. */
const LONGEST_MS = {
  minutely: 60_000,
  hourly: 3_600_000,
  daily: 2 * DAY_MS,
  weekly: 8 * DAY_MS,
  monthly: 32 * DAY_MS,
  yearly: 367 * DAY_MS,
};

/**
 * When a backup goes at the latest by the rules as they are now, if backups go on as before: as soon as enough later periods
 * have begun, by the rule that keeps it longest among those that prefer its type and day (by the shortest where none
 * does). Null: nothing ends it. What was given explicitly goes before. Holds and losses keep it longer, and so does a pause.
 */
export function expiryOf(backup: Backup, { rules, time_zone }: RetentionPolicy): number | null {
  if (backup.expires_ms !== null) return backup.expires_ms;
  const calendar = calendarOf(time_zone);
  const ends = rules.map((rule) => ({
    fits: fits(backup, rule, calendar),
    end_ms: endOf(backup.time_ms, rule, calendar),
  }));
  const fitting = ends.filter((end) => end.fits).map(({ end_ms }) => end_ms);
  if (fitting.length > 0) return Math.max(...fitting);
  return ends.length === 0 ? null : Math.min(...ends.map(({ end_ms }) => end_ms));
}

function fits({ backup_type, time_ms }: Backup, rule: RotationRule, calendar: Calendar): boolean {
  const { prefer_type = backup_type, prefer_day } = rule;
  return prefer_type === backup_type && (prefer_day === undefined || calendar.isOn(prefer_day, time_ms));
}

/** The first moment of the period that is so many periods later: found by halving, so that no zone needs rules of its own. */
function endOf(time_ms: number, { period, keep_count }: RotationRule, calendar: Calendar): number {
  const last = calendar.period(period, time_ms) + keep_count;
  let [before_ms, end_ms] = [time_ms, time_ms + (keep_count + 1) * LONGEST_MS[period]];
  while (end_ms - before_ms > 1) {
    const middle_ms = Math.floor((before_ms + end_ms) / 2);
    if (calendar.period(period, middle_ms) >= last) end_ms = middle_ms;
    else before_ms = middle_ms;
  }
  return end_ms;
}
