import type { DatabaseSync } from 'node:sqlite';
import { type BackupRun, isOver } from '../../domain/backup-run/state.ts';

/** The runs that wait, work or failed; those that were created live on in the catalog. Writers hold the transaction. */
export interface RunTable {
  put(run: BackupRun): void;
  remove(backup_id: string): void;
  get(backup_id: string): BackupRun | undefined;
  /** Not over yet; all sources, or one. */
  open(source?: string): BackupRun[];
  /** Of backups that are wanted together: those that were not made. */
  ofGroup(group: string): BackupRun[];
  /** The last that failed for good, newest first. */
  failures(limit: number): BackupRun[];
}

interface Row {
  body: string;
}

/** Runs in SQLite. */
export function createRunTable(db: DatabaseSync): RunTable {
  const insert = db.prepare(
    'INSERT OR REPLACE INTO runs (backup_id, source, is_over, body) VALUES (?, ?, ?, ?)',
  );
  const remove = db.prepare('DELETE FROM runs WHERE backup_id = ?');
  const one = db.prepare('SELECT body FROM runs WHERE backup_id = ?');
  const open = db.prepare('SELECT body FROM runs WHERE is_over = 0');
  const openOf = db.prepare('SELECT body FROM runs WHERE is_over = 0 AND source = ?');
  const failures = db.prepare('SELECT body FROM runs WHERE is_over = 1 ORDER BY backup_id DESC LIMIT ?');
  const ofGroup = db.prepare("SELECT body FROM runs WHERE body ->> '$.group' = ?");
  // Runs of older versions name no schedule and no group.
  const read = (row: unknown): BackupRun => ({
    schedule: null,
    group: null,
    ...JSON.parse((row as Row).body),
  });
  return {
    put: (run) => void insert.run(run.backup_id, run.source, isOver(run) ? 1 : 0, JSON.stringify(run)),
    remove: (backup_id) => void remove.run(backup_id),
    get: (backup_id) => {
      const row = one.get(backup_id);
      return row === undefined ? undefined : read(row);
    },
    open: (source) => (source === undefined ? open.all() : openOf.all(source)).map(read),
    ofGroup: (group) => ofGroup.all(group).map(read),
    failures: (limit) => failures.all(limit).map(read),
  };
}
