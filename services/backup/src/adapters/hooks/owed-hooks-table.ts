import type { DatabaseSync } from 'node:sqlite';
import type { BackupRun } from '../../domain/backup-run/state.ts';

/** Runs whose post hooks are still to run: noted before the first pre hook. Writers hold the transaction. */
export interface OwedHooksTable {
  put(run: BackupRun): void;
  remove(backup_id: string): void;
  /** Of a source, or of all; the oldest first. */
  list(source?: string): BackupRun[];
}

export const OWED_HOOKS_SCHEMA =
  'CREATE TABLE owed_hooks (backup_id TEXT PRIMARY KEY, source TEXT NOT NULL, body TEXT NOT NULL)';

/** Owed hooks in SQLite: the run alone, as the commands may hold secrets; they are those of the configuration. */
export function createOwedHooksTable(db: DatabaseSync): OwedHooksTable {
  const put = db.prepare('INSERT OR REPLACE INTO owed_hooks VALUES (?, ?, ?)');
  const remove = db.prepare('DELETE FROM owed_hooks WHERE backup_id = ?');
  const some = db.prepare('SELECT body FROM owed_hooks WHERE source = coalesce(?, source) ORDER BY rowid');
  return {
    put: (run) => void put.run(run.backup_id, run.source, JSON.stringify(run)),
    remove: (backup_id) => void remove.run(backup_id),
    list: (source) => some.all(source ?? null).map((row) => JSON.parse(String(row['body'])) as BackupRun),
  };
}
