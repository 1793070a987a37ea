import { Weekday } from '@holdfast/contracts/schedule';
import type { PeriodName } from './state.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** No zone changes its offset within one. */
const QUARTER_MS = 15 * MINUTE_MS;
/** 1970-01-01 was a Thursday: so many days after a Monday. */
const EPOCH_WEEKDAY = 3;

/** The calendar of one time zone. */
export interface Calendar {
  /** Equal numbers for times of the same period, greater ones for later periods. */
  period(name: PeriodName, time_ms: number): number;
  /** A weekday, or a day of the month; in a month without such a day its last. */
  isOn(day: Weekday | number, time_ms: number): boolean;
}

// To ask Intl takes microseconds, and what it answers for a zone never changes.
const known = new Map<string, Calendar>();

/** A calendar; weeks begin on Monday, hours are those of UTC, so that none is missing or double when clocks change. */
export function calendarOf(time_zone: string): Calendar {
  return known.getOrInsertComputed(time_zone, newCalendar);
}

function newCalendar(time_zone: string): Calendar {
  const local = localTime(time_zone);
  const dayOf = (time_ms: number) => Math.floor(local(time_ms) / DAY_MS);
  return {
    period: (name, time_ms) => {
      switch (name) {
        case 'minutely':
          return Math.floor(time_ms / MINUTE_MS);
        case 'hourly':
          return Math.floor(time_ms / HOUR_MS);
        case 'daily':
          return dayOf(time_ms);
        case 'weekly':
          return Math.floor((dayOf(time_ms) + EPOCH_WEEKDAY) / 7);
        case 'monthly':
          return monthOf(local(time_ms));
        case 'yearly':
          return new Date(local(time_ms)).getUTCFullYear();
      }
    },
    isOn: (day, time_ms) => {
      if (typeof day === 'string') {
        return Weekday.options[(dayOf(time_ms) + EPOCH_WEEKDAY) % 7] === day;
      }
      const date = new Date(local(time_ms));
      return date.getUTCDate() === Math.min(day, daysInMonth(date));
    },
  };
}

function monthOf(local_ms: number): number {
  const date = new Date(local_ms);
  return date.getUTCFullYear() * 12 + date.getUTCMonth();
}

function daysInMonth(date: Date): number {
  return new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate();
}

/** The clock on the wall, as if it were UTC. */
function localTime(time_zone: string): (time_ms: number) => number {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: time_zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
  });
  const offsets = new Map<number, number>();
  const offsetAt = (quarter: number): number => {
    const time_ms = quarter * QUARTER_MS;
    const parts = new Map(format.formatToParts(time_ms).map(({ type, value }) => [type, Number(value)]));
    const at = (type: Intl.DateTimeFormatPartTypes) => parts.get(type) ?? 0;
    return Date.UTC(at('year'), at('month') - 1, at('day'), at('hour'), at('minute')) - time_ms;
  };
  const offsetOf = (time_ms: number): number =>
    offsets.getOrInsertComputed(Math.floor(time_ms / QUARTER_MS), offsetAt);
  // To ask for each quarter of an hour of many years takes long: a day that begins and ends alike has one offset.
  const steady = new Map<number, number | null>();
  const steadyOffset = (day: number): number | null => {
    const offset = offsetOf(day * DAY_MS);
    return offset === offsetOf((day + 1) * DAY_MS) ? offset : null;
  };
  return (time_ms) => {
    const day = Math.floor(time_ms / DAY_MS);
    return time_ms + (steady.getOrInsertComputed(day, steadyOffset) ?? offsetOf(time_ms));
  };
}
