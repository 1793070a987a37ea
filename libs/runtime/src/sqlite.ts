import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { HoldfastError } from '@holdfast/contracts/errors';

const SQLITE_FULL = 13;

/**
 * Opens a database that survives a power cut: WAL, full sync. `migrations[n]` takes it from version n to n + 1; each
 * runs once, in a transaction. `:memory:` for tests. `storage_full` where there is no room for it.
 */
export function openDatabase(file: string, migrations: readonly string[]): DatabaseSync {
  if (file !== ':memory:') mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const db = new DatabaseSync(file);
  try {
    prepareDatabase(db, migrations);
  } catch (error) {
    db.close();
    throw isFull(error) ? storageFull(file, error) : error;
  }
  return db;
}

function prepareDatabase(db: DatabaseSync, migrations: readonly string[]): void {
  db.exec(
    'PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 5000; PRAGMA foreign_keys = ON',
  );
  const { user_version } = db.prepare('PRAGMA user_version').get() as { user_version: number };
  for (const [index, sql] of migrations.entries()) {
    if (index < user_version) continue;
    transaction(db, () => db.exec(`${sql}; PRAGMA user_version = ${index + 1}`));
  }
}

/**
 * Runs `work` in one transaction: all of it is durable when this returns, or none where it throws. `storage_full` where
 * the disk has no room for it.
 */
export function transaction<Result>(db: DatabaseSync, work: () => Result): Result {
  db.exec('BEGIN IMMEDIATE');
  try {
    const result = work();
    db.exec('COMMIT');
    return result;
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK');
    throw isFull(error) ? storageFull(db.location() ?? 'memory', error) : error;
  }
}

function isFull(error: unknown): boolean {
  return Error.isError(error) && 'errcode' in error && error.errcode === SQLITE_FULL;
}

function storageFull(file: string, cause: unknown): HoldfastError {
  return new HoldfastError('storage_full', `no space left for ${file}`, { cause });
}
