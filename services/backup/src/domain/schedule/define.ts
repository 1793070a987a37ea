import type { BackupType } from '@holdfast/contracts/backup-events';
import {
  BEFORE_DEPLOYMENT,
  type ScheduleConfig,
  ScheduleInterval,
  Weekday,
} from '@holdfast/contracts/schedule';
import type { Frequency, SourcePlan } from '../backup-run/due.ts';

type Named = { readonly name: string; readonly config: ScheduleConfig };

/** The cron expression of a schedule; null for the one that no clock starts. */
export function cronOf({ name, config }: Named): string | null {
  if (name === BEFORE_DEPLOYMENT) return null;
  if (config.cron !== undefined) return config.cron;
  const [hour, minute] = (config.time ?? '00:00').split(':').map(Number);
  switch (intervalOf({ name, config })) {
    case 'weekly':
      return `${minute} ${hour} * * ${weekdayNumber(config.day)}`;
    case 'monthly':
      return `${minute} ${hour} ${config.day === 'last' ? 'L' : (config.day ?? 1)} * *`;
    case 'daily':
      return `${minute} ${hour} * * *`;
    default:
      return `${config.minute ?? 0} * * * *`;
  }
}

/** As cron counts: Sunday is 0. */
function weekdayNumber(day: ScheduleConfig['day']): number {
  return (Weekday.options.indexOf((day ?? 'sunday') as Weekday) + 1) % 7;
}

/** What it reads: as it says, else everything for a deployment and changes for all others. */
export function typeOf({ name, config }: Named): BackupType {
  return config.type ?? (name === BEFORE_DEPLOYMENT ? 'snapshot' : 'incremental');
}

/** Null for cron expressions, and for the one that no clock starts. */
export function intervalOf({ name, config }: Named): ScheduleInterval | null {
  if (config.cron !== undefined || name === BEFORE_DEPLOYMENT) return null;
  return config.every ?? ScheduleInterval.safeParse(name).data ?? null;
}

/** Smaller is oftener. A source that is backed up on change wants a daily one beside. */
const RANK: Record<Frequency, number> = { hourly: 1, on_change: 2, daily: 2, weekly: 3, monthly: 4 };

/**
 * True where a schedule backs up a source: one that it names, else one that wants a backup at least as often: the weekly
 * schedule holds the hourly sources too, the hourly one leaves the weekly sources alone.
 */
export function covers(schedule: Named, { source, frequency, is_own }: SourcePlan): boolean {
  if (schedule.config.sources !== undefined) return schedule.config.sources.includes(source);
  if (is_own) return false;
  const interval = intervalOf(schedule);
  return interval === null || RANK[interval] >= RANK[frequency];
}

/** True where a schedule of the source's own frequency stands in for the walks that the frequency asks for. */
export function standsIn(schedule: Named, plan: SourcePlan): boolean {
  return schedule.config.enabled && intervalOf(schedule) === plan.frequency && covers(schedule, plan);
}
