import { Cron } from 'croner';
import type { Slots } from '../../domain/schedule/state.ts';

const SECOND_MS = 1_000;

/**
 * The times of a cron expression in a time zone. Where clocks change, a time that does not exist comes an hour later, and
 * one that comes twice comes once; an hourly one comes each hour.
 */
export function cronSlots(expression: string, time_zone: string): Slots {
  const cron = new Cron(expression, { timezone: time_zone, paused: true });
  return {
    next: (after_ms) => cron.nextRun(new Date(after_ms))?.getTime() ?? null,
    latest: (now_ms) => {
      // It looks for those before a time, by the second.
      const before = cron.previousRuns(2, new Date(now_ms + SECOND_MS)).map((date) => date.getTime());
      return before.find((slot_ms) => slot_ms <= now_ms) ?? null;
    },
  };
}
