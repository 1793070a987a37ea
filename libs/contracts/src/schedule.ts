import { Cron } from 'croner';
import { z } from 'zod';
import { BackupType } from './backup-events.ts';
import { DurationMs } from './durations.ts';

export const Weekday = z.enum(['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday']);
export type Weekday = z.infer<typeof Weekday>;

/** An IANA name such as `America/Montevideo`. */
export const TimeZone = z.string().refine(isTimeZone, { error: 'is no time zone; write America/Montevideo' });

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return false; // It throws for what it does not know, and says so in no other way.
  }
}

const CronExpression = z.string().superRefine((pattern, context) => {
  try {
    const next = new Cron(pattern, { paused: true }).nextRun();
    if (next === null) context.addIssue({ code: 'custom', message: `${pattern}: never comes` });
  } catch (error) {
    const reason = Error.isError(error) ? error.message.replace(/^CronPattern: /, '') : String(error);
    context.addIssue({ code: 'custom', message: `${pattern}: ${reason}` });
  }
});

export const ScheduleInterval = z.enum(['hourly', 'daily', 'weekly', 'monthly']);
export type ScheduleInterval = z.infer<typeof ScheduleInterval>;

/** The schedule that no clock starts: who deploys asks for it. */
export const BEFORE_DEPLOYMENT = 'before_deployment';

/** When backups are made, and of what (requirements 1.1). */
export const ScheduleConfig = z.strictObject({
  enabled: z.boolean().default(true),
  type: BackupType.optional().describe('default: incremental; before_deployment: snapshot'),
  every: ScheduleInterval.optional().describe('default: the name of the schedule'),
  time: z
    .string()
    .regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'write the time of day as 02:00')
    .optional()
    .describe('default 00:00'),
  minute: z.number().int().min(0).max(59).optional().describe('of an hourly one'),
  day: z
    .union([Weekday, z.number().int().min(1).max(28), z.literal('last')])
    .optional()
    .describe('sunday (weekly), or 1 to 28 or last (monthly)'),
  cron: CronExpression.optional().describe('instead of every, time, minute and day'),
  time_zone: TimeZone.optional(),
  sources: z.array(z.string()).min(1).optional().describe('default: those that want it as often or oftener'),
  jitter: DurationMs.optional().describe('starts up to so much later'),
});
export type ScheduleConfig = z.infer<typeof ScheduleConfig>;

/** What keeps a schedule of this name from being one; null where nothing does. */
export function scheduleProblem(name: string, schedule: ScheduleConfig): string | null {
  const { cron, every, time, minute, day } = schedule;
  const clock = [every, time, minute, day].some((part) => part !== undefined);
  if (name === BEFORE_DEPLOYMENT) {
    return clock || cron !== undefined ? 'has no time: who deploys asks for it' : null;
  }
  if (cron !== undefined) return clock ? 'cron says when: leave out every, time, minute and day' : null;
  const interval = every ?? ScheduleInterval.safeParse(name).data;
  if (interval === undefined) return 'write cron, or every: hourly, daily, weekly or monthly';
  if (interval === 'hourly')
    return time === undefined ? dayProblem(day, null) : 'an hourly one has a minute, no time';
  if (minute !== undefined) return 'minute is for an hourly one: write time';
  if (interval === 'weekly') return dayProblem(day, 'weekday');
  return dayProblem(day, interval === 'monthly' ? 'number' : null);
}

function dayProblem(day: ScheduleConfig['day'], wanted: 'weekday' | 'number' | null): string | null {
  if (day === undefined) return null;
  if (wanted === null) return 'has no day';
  const given = Weekday.safeParse(day).success ? 'weekday' : 'number';
  if (given === wanted) return null;
  return wanted === 'weekday' ? 'day: write sunday' : 'day: write 1 to 28, or last';
}

/** The schedules by name. */
export const SchedulesConfig = z
  .record(z.string().regex(/^[A-Za-z0-9_-]+$/), ScheduleConfig)
  .superRefine((schedules, context) => {
    for (const [name, schedule] of Object.entries(schedules)) {
      const message = scheduleProblem(name, schedule);
      if (message !== null) context.addIssue({ code: 'custom', message, path: [name] });
    }
  });
