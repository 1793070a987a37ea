import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { type BlobStore, isStorageError } from '@holdfast/storage/blob-store';
import type { RepositoryKeys } from '../crypto/keys.ts';
import { MARKS_PREFIX, openMarks } from '../deletion/marks-object.ts';
import { RepositoryError } from '../errors.ts';
import { inTransaction } from './in-transaction.ts';

const ROUNDS_MAX = 5;

/** The local copy of the marks, beside that of the index. Marks are never removed, so that what is known stays true. */
export class MarkTable {
  readonly #db: DatabaseSync;
  readonly #count: StatementSync;
  readonly #has: StatementSync;
  readonly #is_held: StatementSync;

  constructor(db: DatabaseSync) {
    this.#db = db;
    this.#count = db.prepare('SELECT COUNT(*) AS objects FROM marks_object');
    this.#has = db.prepare('SELECT 1 FROM marked_pack WHERE id = ?');
    this.#is_held = db.prepare('SELECT 1 FROM held_tree WHERE tree = ? AND marks_version = ?');
  }

  version(): number {
    return (this.#count.get() as { objects: number }).objects;
  }

  has(pack_id: string): boolean {
    return this.#has.get(pack_id) !== undefined;
  }

  /**
   * Reads the marks objects that are new. One that cannot be read ends it: nobody knows
   * which packs it names, so that nothing may be relied on.
   */
  async refresh(store: BlobStore, keys: RepositoryKeys): Promise<void> {
    for (let round = 0; round < ROUNDS_MAX; round += 1) if (await this.#readNew(store, keys)) return;
    throw new RepositoryError('storage_failed', 'marks that are listed are gone when they are read');
  }

  /** False: one was gone. Repair puts another in its place, which the listing may have missed. */
  async #readNew(store: BlobStore, keys: RepositoryKeys): Promise<boolean> {
    const known = new Set(
      this.#db
        .prepare('SELECT name FROM marks_object')
        .all()
        .map((row) => row['name'] as string),
    );
    let is_whole = true;
    for await (const name of store.names(MARKS_PREFIX)) {
      if (known.has(name)) continue;
      const object = await store.get(name).catch((error: unknown) => {
        if (isStorageError(error, 'not_found')) return undefined;
        throw error;
      });
      if (object === undefined) is_whole = false;
      else this.#add(name, openMarks(keys, name, object).packs);
    }
    return is_whole;
  }

  isHeld(tree: string, marks_version: number): boolean {
    return this.#is_held.get(tree, marks_version) !== undefined;
  }

  /** Older versions are of no use any more: marks only become more. */
  rememberHeld(tree: string, marks_version: number): void {
    this.#db.prepare('DELETE FROM held_tree WHERE marks_version < ?').run(marks_version);
    this.#db.prepare('INSERT OR REPLACE INTO held_tree VALUES (?, ?)').run(tree, marks_version);
  }

  #add(name: string, packs: readonly string[]): void {
    const mark = this.#db.prepare('INSERT OR IGNORE INTO marked_pack VALUES (?)');
    inTransaction(this.#db, () => {
      for (const pack of packs) mark.run(pack);
      this.#db.prepare('INSERT OR IGNORE INTO marks_object VALUES (?)').run(name);
    });
  }
}
