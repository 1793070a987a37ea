import ms, { type StringValue } from 'ms';
import { z } from 'zod';

/** `1 hour`, `30 days`, `15m`, or a number of milliseconds; parsed to milliseconds. */
export const DurationMs = z
  .union([z.number().int().nonnegative(), z.string()])
  .transform((value, context) => {
    const parsed = typeof value === 'number' ? value : ms(value.replaceAll('_', ' ') as StringValue);
    if (Number.isFinite(parsed) && parsed >= 0) return parsed;
    context.addIssue({ code: 'custom', message: `not a duration: ${value} (write 15m, 1 hour, 30 days)` });
    return z.NEVER;
  });
