import type { DatabaseSync } from 'node:sqlite';
import type { RetainedBackup } from '../../domain/retention/state.ts';
import { readHold, THERE } from '../catalog/catalog-table.ts';

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
  /** Of a source, newest first; those after `from`, where a page before ended. */
  page(
    source: string,
    from: Pick<CatalogedBackup, 'time_ms' | 'backup_id'> | null,
    limit: number,
  ): CatalogedBackup[];
  get(backup_id: string): CatalogedBackup | undefined;
  /** From here on nobody sees it; a crash leaves it in `going`. */
  markGoing(backup_id: string, why: Going): void;
  /** It stays after all. */
  unmarkGoing(backup_id: string): void;
  /** The first that are on their way out, but for some. */
  going(limit: number, but: ReadonlySet<string>): GoingBackup[];
  goingOf(snapshot_id: string): GoingBackup | undefined;
}

interface Row extends Omit<CatalogedBackup, 'is_bad' | 'hold'> {
  readonly is_bad: number;
  readonly hold: string | null;
}

type GoingRow = Omit<GoingBackup, 'why'> & { readonly going: string };

const GOING = 'SELECT backup_id, snapshot_id, going FROM backups WHERE going IS NOT NULL';
const COLUMNS = 'backup_id, snapshot_id, source, backup_type, reason, time_ms, is_bad, expires_ms, hold';

/** Retention's view in SQLite. */
export function createRetentionTable(db: DatabaseSync): RetentionTable {
  const sources = db.prepare(`SELECT DISTINCT source FROM backups WHERE ${THERE}`);
  const one = db.prepare(`SELECT ${COLUMNS} FROM backups WHERE backup_id = ? AND ${THERE}`);
  const mark = db.prepare(`UPDATE backups SET going = ? WHERE backup_id = ? AND ${THERE}`);
  const unmark = db.prepare('UPDATE backups SET going = NULL WHERE backup_id = ?');
  const going = db.prepare(`${GOING} AND backup_id NOT IN (SELECT value FROM json_each(?)) LIMIT ?`);
  const goingOf = db.prepare(`${GOING} AND snapshot_id = ?`);
  const page = db.prepare(`
    SELECT ${COLUMNS} FROM backups INDEXED BY backups_of_source_by_time
    WHERE source = ? AND (time_ms, backup_id) < (?, ?) AND ${THERE}
    ORDER BY time_ms DESC, backup_id DESC LIMIT ?`);
  return {
    sources: () => (sources.all() as unknown as { source: string }[]).map(({ source }) => source),
    page: (source, from, limit) => {
      const { time_ms, backup_id } = from ?? { time_ms: Number.MAX_SAFE_INTEGER, backup_id: '' };
      return (page.all(source, time_ms, backup_id, limit) as unknown as Row[]).map(toBackup);
    },
    get: (backup_id) => {
      const row = one.get(backup_id) as Row | undefined;
      return row && toBackup(row);
    },
    markGoing: (backup_id, why) => void mark.run(JSON.stringify(why), backup_id),
    unmarkGoing: (backup_id) => void unmark.run(backup_id),
    going: (limit, but) => (going.all(JSON.stringify([...but]), limit) as unknown as GoingRow[]).map(toGoing),
    goingOf: (snapshot_id) => {
      const row = goingOf.get(snapshot_id) as GoingRow | undefined;
      return row && toGoing(row);
    },
  };
}

// Field by field: copying a row of SQLite as a whole takes several times as long, and there may be 100,000.
function toBackup(row: Row): CatalogedBackup {
  const { backup_id, snapshot_id, source, backup_type, reason, time_ms, expires_ms } = row;
  const is_bad = row.is_bad === 1;
  const hold = readHold(row.hold);
  return { backup_id, snapshot_id, source, backup_type, reason, time_ms, is_bad, expires_ms, hold };
}

function toGoing({ backup_id, snapshot_id, going }: GoingRow): GoingBackup {
  return { backup_id, snapshot_id, why: JSON.parse(going) as Going };
}
