import { HoldfastError } from '@holdfast/contracts/errors';
import type { BackupSort } from '@holdfast/contracts/http/backup';

const UNITS_MS = { hour: 3_600_000, day: 86_400_000, week: 604_800_000 } as const;

/** The earliest time of `last_7_days`, `last_24_hours`, `last_week` … seen from `now_ms`; `bad_request` for others. */
export function sinceOf(filter: string, now_ms: number): number {
  const [, count, unit] = /^last_(?:(\d{1,6})_)?(hour|day|week)s?$/.exec(filter) ?? [];
  if (unit === undefined) {
    throw new HoldfastError(
      'bad_request',
      `filter: ${filter} is not known; write last_7_days or last_24_hours`,
    );
  }
  return now_ms - Number(count ?? 1) * UNITS_MS[unit as keyof typeof UNITS_MS];
}

/** By what, and in which direction: `timestamp` alone is oldest first. */
export function orderOf(sort: BackupSort): { by: 'timestamp' | 'size'; descending: boolean } {
  return { by: sort.startsWith('size') ? 'size' : 'timestamp', descending: sort.endsWith('_desc') };
}
