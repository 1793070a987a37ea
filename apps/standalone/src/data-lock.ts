import { mkdirSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { HoldfastError, systemCode } from '@holdfast/contracts/errors';
import { dataPaths } from '@holdfast/contracts/paths';

/**
 * Holds the data folder for this process: a second instance is refused with `data_dir_locked`. The lock is SQLite's,
 * so the kernel drops it with the process, also after `kill -9`.
 */
export function lockDataFolder(data_dir: string): Disposable {
  try {
    mkdirSync(data_dir, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new HoldfastError('data_dir_unusable', `${data_dir}: ${systemCode(cause) ?? 'cannot be made'}`, {
      cause,
    });
  }
  const db = openLock(data_dir);
  try {
    db.exec('PRAGMA journal_mode = DELETE; BEGIN EXCLUSIVE');
  } catch (cause) {
    db.close();
    throw new HoldfastError('data_dir_locked', `${data_dir} is in use by another instance`, { cause });
  }
  return { [Symbol.dispose]: () => db.close() };
}

function openLock(data_dir: string): DatabaseSync {
  try {
    return new DatabaseSync(dataPaths(data_dir).lock, { timeout: 0 });
  } catch (cause) {
    throw new HoldfastError('data_dir_unusable', `${data_dir} cannot be written`, { cause });
  }
}
