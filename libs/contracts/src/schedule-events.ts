import { z } from 'zod';
import { ScheduleConfig } from './schedule.ts';

/** `schedule` null: it was taken out of the configuration. Its aggregateversion counts the changes of one schedule. */
export const ScheduleModified = z.object({
  name: z.string(),
  schedule: ScheduleConfig.nullable(),
  previous: ScheduleConfig.nullable(),
  origin: z.enum(['config', 'api']),
});
