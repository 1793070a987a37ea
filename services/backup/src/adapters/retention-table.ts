import type { DatabaseSync } from 'node:sqlite';
import type { RetainedBackup } from '../domain/retention/state.ts';
import { readHold, THERE } from './catalog-table.ts';

/** What retention decides on, without what only the cases know. */
export type CatalogedBackup = Omit<RetainedBackup, 'pin'>;

/** A backup on its way out: decided, and perhaps forgotten by the engine already, but not told of. */
export interface GoingBackup {
  readonly backup_id: string;
  readonly snapshot_id: string;
  readonly why: Going;
}

/** Why it goes, and whose word that is: what its event will say. */
export interface Going {
  readonly reason: string;
  readonly actor: string;
  readonly correlationid: string;
}

/** The catalog as retention sees it. Writers hold the transaction. */
export interface RetentionTable {
  sources(): string[];
  of(source: string): CatalogedBackup[];
  get(backup_id: string): CatalogedBackup | undefined;
  /** From here on nobody sees it; a crash leaves it in `going`. */
  markGoing(backup_id: string, why: Going): void;
  /** It stays after all. */
  unmarkGoing(backup_id: string): void;
  going(): GoingBackup[];
}

interface Row extends Omit<CatalogedBackup, 'is_bad' | 'hold'> {
  readonly is_bad: number;
  readonly hold: string | null;
}

const COLUMNS = 'backup_id, snapshot_id, source, backup_type, reason, time_ms, is_bad, expires_ms, hold';

/** Retention's view in SQLite. */
export function createRetentionTable(db: DatabaseSync): RetentionTable {
  const sources = db.prepare(`SELECT DISTINCT source FROM backups WHERE ${THERE}`);
  const of = db.prepare(`SELECT ${COLUMNS} FROM backups WHERE source = ? AND ${THERE} ORDER BY time_ms DESC`);
  const one = db.prepare(`SELECT ${COLUMNS} FROM backups WHERE backup_id = ? AND ${THERE}`);
  const mark = db.prepare(`UPDATE backups SET going = ? WHERE backup_id = ? AND ${THERE}`);
  const unmark = db.prepare('UPDATE backups SET going = NULL WHERE backup_id = ?');
  const going = db.prepare('SELECT backup_id, snapshot_id, going FROM backups WHERE going IS NOT NULL');
  return {
    sources: () => (sources.all() as unknown as { source: string }[]).map(({ source }) => source),
    of: (source) => (of.all(source) as unknown as Row[]).map(toBackup),
    get: (backup_id) => {
      const row = one.get(backup_id) as Row | undefined;
      return row && toBackup(row);
    },
    markGoing: (backup_id, why) => void mark.run(JSON.stringify(why), backup_id),
    unmarkGoing: (backup_id) => void unmark.run(backup_id),
    going: () =>
      (going.all() as unknown as (GoingBackup & { going: string })[]).map((row) => ({
        backup_id: row.backup_id,
        snapshot_id: row.snapshot_id,
        why: JSON.parse(row.going) as Going,
      })),
  };
}

function toBackup(row: Row): CatalogedBackup {
  return { ...row, is_bad: row.is_bad === 1, hold: readHold(row.hold) };
}
