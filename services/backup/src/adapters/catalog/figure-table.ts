import type { DatabaseSync } from 'node:sqlite';
import { setImmediate } from 'node:timers/promises';
import { HOT } from '@holdfast/runtime/repository-place';
import type { MadeFigures } from '../../domain/figures/summarise.ts';
import { THERE } from './catalog-table.ts';

/** Milliseconds since the epoch, the second one not included. */
export interface Period {
  readonly since_ms: number;
  readonly until_ms: number;
}

/** What the catalog says in figures. What looks at many backups does so in slices: others are answered meanwhile. */
export interface FigureTable {
  made(period: Period): Promise<MadeFigures[]>;
  /** Runs that failed for good, by source. */
  failed(period: Period): Map<string, number>;
  /** When the newest backup began that no verification found damaged; null: there is none. */
  newestGood(source: string): number | null;
  /** Backups that were verified in a period, and those that stand and are damaged. */
  verified(period: Period): Promise<{ read: number; restored: number; damaged: number }>;
  /** What all backups in hot hold together, as if each were restored. */
  protectedBytes(): Promise<number>;
}

const SLICE_MS = 86_400_000;
const PAGE = 2_000;

const MADE = `
  SELECT source, backup_type, count(*) AS created, count(duration_ms) AS measured,
    coalesce(sum(duration_ms), 0) AS duration_ms, coalesce(max(duration_ms), 0) AS duration_max_ms,
    coalesce(sum(bytes_read), 0) AS bytes_read, coalesce(sum(bytes_stored), 0) AS bytes_stored
  FROM backups INDEXED BY backups_made WHERE time_ms >= ? AND time_ms < ? GROUP BY source, backup_type`;
const FAILED = `
  SELECT source, count(*) AS count FROM runs
  WHERE is_over = 1 AND body ->> '$.status' = 'failed'
    AND body ->> '$.finished_ms' >= ? AND body ->> '$.finished_ms' < ?
  GROUP BY source`;
const VERIFIED = `
  SELECT count(*) AS read, count(CASE WHEN restored_ms >= ? THEN 1 END) AS restored
  FROM backups INDEXED BY backups_verified WHERE ${THERE} AND read_ms >= ? AND read_ms < ?`;
const SIZES = `
  SELECT size, backup_id, instr(',' || tier || ',', ',${HOT},') > 0 AS is_hot FROM backups INDEXED BY backups_by_size
  WHERE ${THERE} AND (size, backup_id) > (?, ?) ORDER BY size, backup_id LIMIT ${PAGE}`;

/** Figures from SQLite; each statement reads an index that has all it needs. */
export function createFigureTable(db: DatabaseSync): FigureTable {
  const made = db.prepare(MADE);
  const first = db.prepare('SELECT min(time_ms) AS time_ms FROM backups INDEXED BY backups_made');
  const failed = db.prepare(FAILED);
  const newestGood = db.prepare(`
    SELECT time_ms FROM backups INDEXED BY backups_of_source_by_time
    WHERE source = ? AND is_bad = 0 AND ${THERE} ORDER BY time_ms DESC LIMIT 1`);
  const verified = db.prepare(VERIFIED);
  const damaged = db.prepare(`
    SELECT count(*) AS count FROM backups INDEXED BY backups_bad WHERE is_bad = 1 AND ${THERE}`);
  const sizes = db.prepare(SIZES);
  const days = (period: Period) => daysOf(period, (first.get() as { time_ms: number | null }).time_ms);
  return {
    made: async (period) => {
      const found: MadeFigures[] = [];
      for (const { since_ms, until_ms } of days(period)) {
        found.push(...(made.all(since_ms, until_ms) as unknown as MadeFigures[]));
        await setImmediate();
      }
      return found;
    },
    failed: ({ since_ms, until_ms }) => {
      const rows = failed.all(since_ms, until_ms) as unknown as { source: string; count: number }[];
      return new Map(rows.map(({ source, count }) => [source, count]));
    },
    newestGood: (source) => (newestGood.get(source) as { time_ms: number } | undefined)?.time_ms ?? null,
    verified: async (period) => {
      const sum = { read: 0, restored: 0, damaged: (damaged.get() as { count: number }).count };
      for (const { since_ms, until_ms } of days(period)) {
        const day = verified.get(period.since_ms, since_ms, until_ms) as { read: number; restored: number };
        sum.read += day.read;
        sum.restored += day.restored;
        await setImmediate();
      }
      return sum;
    },
    protectedBytes: async () => {
      let bytes = 0;
      let page: { size: number; backup_id: string; is_hot: number }[] = [];
      do {
        const { size = -1, backup_id = '' } = page.at(-1) ?? {};
        page = sizes.all(size, backup_id) as unknown as typeof page;
        for (const one of page) bytes += one.size * one.is_hot;
        await setImmediate();
      } while (page.length === PAGE);
      return bytes;
    },
  };
}

/** The days of a period since the first backup. */
function daysOf({ since_ms, until_ms }: Period, first_ms: number | null): Period[] {
  const days: Period[] = [];
  let at_ms = Math.max(since_ms, first_ms ?? until_ms);
  for (; at_ms < until_ms; at_ms += SLICE_MS) {
    days.push({ since_ms: at_ms, until_ms: Math.min(at_ms + SLICE_MS, until_ms) });
  }
  return days;
}
