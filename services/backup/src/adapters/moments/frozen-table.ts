import type { DatabaseSync } from 'node:sqlite';
import type { VolumeSnapshotConfig } from '@holdfast/contracts/source-commands';

/** A frozen copy of a volume that is there, or may be: noted before it is made. */
export interface FrozenCopy {
  readonly id: string;
  readonly source: string;
  readonly path: string;
  readonly release: VolumeSnapshotConfig['release'];
  readonly timeout_ms: number;
  /** So often its release has failed; absent: never. */
  readonly tries?: number;
}

/** The frozen copies that have to be released. Writers hold the transaction. */
export interface FrozenTable {
  put(copy: FrozenCopy): void;
  remove(id: string): void;
  list(): FrozenCopy[];
}

export const FROZEN_SCHEMA =
  'CREATE TABLE frozen_copies (id TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID';

/** Frozen copies in SQLite. */
export function createFrozenTable(db: DatabaseSync): FrozenTable {
  const put = db.prepare('INSERT OR REPLACE INTO frozen_copies VALUES (?, ?)');
  const remove = db.prepare('DELETE FROM frozen_copies WHERE id = ?');
  const all = db.prepare('SELECT body FROM frozen_copies ORDER BY id');
  return {
    put: (copy) => void put.run(copy.id, JSON.stringify(copy)),
    remove: (id) => void remove.run(id),
    list: () => all.all().map((row) => JSON.parse(String(row['body'])) as FrozenCopy),
  };
}
