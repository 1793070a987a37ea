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

/** What the catalog says in figures. */
export interface FigureTable {
  /** In slices of a day: others are answered meanwhile. */
  made(period: Period): Promise<MadeFigures[]>;
  /** Runs that failed for good, by source. */
  failed(period: Period): Map<string, number>;
  /** When the newest backup began that no verification found damaged; null: there is none. */
  newestGood(source: string): number | null;
  /** Backups that were verified in a period, and those that stand and are damaged. */
  verified(period: Period): { read: number; restored: number; damaged: number };
  /** What all backups in hot hold together, as if each were restored. */
  protectedBytes(): number;
}

const SLICE_MS = 86_400_000;

const MADE = `
  SELECT source, backup_type, count(*) AS created, count(duration_ms) AS measured,
    coalesce(sum(duration_ms), 0) AS duration_ms, coalesce(max(duration_ms), 0) AS duration_max_ms,
    coalesce(sum(bytes_read), 0) AS bytes_read, coalesce(sum(bytes_stored), 0) AS bytes_stored
  FROM backups INDEXED BY backups_made WHERE time_ms >= ? AND time_ms < ? GROUP BY source, backup_type`;
const FAILED = `
  SELECT source, count(*) AS count FROM runs
  WHERE is_over = 1 AND body ->> '$.status' = 'failed' AND body ->> '$.finished_ms' BETWEEN ? AND ?
  GROUP BY source`;
const VERIFIED = `
  SELECT coalesce(sum(read_ms BETWEEN :since AND :until), 0) AS read,
    coalesce(sum(restored_ms BETWEEN :since AND :until), 0) AS restored
  FROM backups INDEXED BY backups_verified WHERE ${THERE} AND read_ms >= :since`;

/** Figures from SQLite; each statement reads an index that has all it needs, whatever the number of backups. */
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
  const bytes = db.prepare(`
    SELECT coalesce(sum(size), 0) AS bytes FROM backups INDEXED BY backups_by_size
    WHERE ${THERE} AND instr(',' || tier || ',', ',${HOT},') > 0`);
  return {
    made: async ({ since_ms, until_ms }) => {
      const found: MadeFigures[] = [];
      const { time_ms } = first.get() as { time_ms: number | null };
      let at_ms = Math.max(since_ms, time_ms ?? until_ms);
      for (; at_ms < until_ms; at_ms += SLICE_MS) {
        found.push(...(made.all(at_ms, Math.min(at_ms + SLICE_MS, until_ms)) as unknown as MadeFigures[]));
        await setImmediate();
      }
      return found;
    },
    failed: ({ since_ms, until_ms }) => {
      const rows = failed.all(since_ms, until_ms) as unknown as { source: string; count: number }[];
      return new Map(rows.map(({ source, count }) => [source, count]));
    },
    newestGood: (source) => (newestGood.get(source) as { time_ms: number } | undefined)?.time_ms ?? null,
    verified: ({ since_ms, until_ms }) => ({
      ...(verified.get({ since: since_ms, until: until_ms }) as { read: number; restored: number }),
      damaged: (damaged.get() as { count: number }).count,
    }),
    protectedBytes: () => (bytes.get() as { bytes: number }).bytes,
  };
}
