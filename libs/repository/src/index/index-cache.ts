import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import type { BlobStore } from '@holdfast/storage/blob-store';
import { isStorageError } from '@holdfast/storage/blob-store';
import type { RepositoryKeys } from '../crypto/keys.ts';
import {
  damaged,
  fromStorage,
  isFullCache,
  isRepositoryError,
  isUnwritableCache,
  RepositoryError,
} from '../errors.ts';
import { IndexBatch } from './index-batch.ts';
import {
  type ChunkLocation,
  dropFromIndex,
  emptyIndex,
  IndexLookup,
  indexObjects,
  openIndexDatabase,
  openIndexReadOnly,
} from './index-database.ts';
import { INDEX_PREFIX, type IndexedPack, openIndex } from './index-object.ts';
import { MarkTable } from './mark-table.ts';

const ROUNDS_MAX = 10;
/** Whose run it was hears of it. */
const ignore = () => undefined;

/** What the index knows, kept level with the store's index objects when asked. */
export class IndexCache implements Disposable {
  /** The database file: worker threads open it for themselves. */
  readonly file: string;
  /** Index objects that could not be read, with the reason. */
  readonly damaged = new Map<string, Error>();
  readonly #store: BlobStore;
  readonly #keys: RepositoryKeys;
  readonly #temporary: string | undefined;
  #opened: OpenedTables;
  /** Of files that are gone: work that began with one goes on with it. */
  readonly #retired: DatabaseSync[] = [];
  /** Index objects of the last listing. */
  #listed: ReadonlySet<string> = new Set();
  #refreshing: Promise<void> | undefined;
  #rebuilds = 0;
  #refreshing_next: Promise<void> | undefined;

  /** Without `cache_dir`, and where its disk is full or not ours to write, the cache lives in a temporary folder until it is disposed. */
  constructor(store: BlobStore, keys: RepositoryKeys, cache_dir?: string) {
    this.#store = store;
    this.#keys = keys;
    const opened = openCache(`${keys.repository_id.toString('hex')}.sqlite`, cache_dir);
    this.#temporary = opened.temporary;
    this.file = opened.file;
    this.#opened = tablesOf(opened);
  }

  get db(): DatabaseSync {
    return this.#opened.db;
  }

  get lookup(): IndexLookup {
    return this.#opened.lookup;
  }

  get #marks(): MarkTable {
    return this.#opened.marks;
  }

  /**
   * Reads the index objects that are new. What stood when it was called is known when it resolves: a run that has begun
   * already may have listed too early, so that callers wait for the next one, which they share.
   */
  refresh(): Promise<void> {
    if (this.#refreshing === undefined) {
      this.#refreshing = this.#refresh().finally(() => {
        this.#refreshing = undefined;
      });
      return this.#refreshing;
    }
    this.#refreshing_next ??= this.#refreshing.then(ignore, ignore).then(() => {
      this.#refreshing_next = undefined;
      return this.refresh();
    });
    return this.#refreshing_next;
  }

  /** The database file, for a thread to open: made anew where somebody has thrown it away, and empty then until a refresh. */
  presentFile(): string {
    this.#openAgainIfGone();
    return this.file;
  }

  /**
   * All that the index says, as of one moment after the call: a connection of its own, for the caller to close. What
   * is deleted is decided by this alone: another process with the same cache may empty that at any time, and then
   * there are packs in it that have only some of their chunks yet.
   */
  async view(): Promise<DatabaseSync> {
    for (let round = 0; round < ROUNDS_MAX; round += 1) {
      await this.refresh();
      const db = openIndexReadOnly(this.file);
      db.exec('BEGIN');
      const known = indexObjects(db);
      if ([...this.#listed].every((name) => known.has(name) || this.damaged.has(name))) return db;
      db.close();
    }
    throw new RepositoryError('storage_failed', 'the local cache is emptied faster than it can be filled');
  }

  /** All lookups from now on heed the marks of this version, which grows with every marks object that is known here. */
  heedMarks(): number {
    const version = this.#marks.version();
    this.lookup.heedMarks();
    return version;
  }

  /** Lists the marks as they are now; the version after it. What was marked once stays marked. */
  async refreshMarks(): Promise<number> {
    try {
      await this.#marks.refresh(this.#store, this.#keys);
    } catch (error) {
      throw fromStorage(error);
    }
    return this.heedMarks();
  }

  isMarked(pack_id: string): boolean {
    return this.#marks.has(pack_id);
  }

  /** True: at this version of the marks every chunk of the tree was held by a pack that was not marked. */
  isHeld(tree: string, marks_version: number): boolean {
    return marks_version === 0 || this.#marks.isHeld(tree, marks_version);
  }

  rememberHeld(tree: string, marks_version: number): void {
    this.#marks.rememberHeld(tree, marks_version);
  }

  /** Every place of a chunk, after a look into the store where it is not known; rejects with `repo_damaged`. */
  async locate(id: Buffer): Promise<ChunkLocation[]> {
    const known = this.lookup.locate(id);
    if (known.length > 0) return known;
    for (let round = 0; round < ROUNDS_MAX; round += 1) {
      const rebuilds = this.#rebuilds;
      await this.refresh();
      const found = this.lookup.locate(id);
      if (found.length > 0) return found;
      // Unless another reader has emptied it in the meantime, it says all that the store has.
      if (this.#rebuilds === rebuilds) break;
    }
    throw damaged(`chunk ${id.toString('hex')} is in no index${this.#damageNote()}`);
  }

  /** Forgets all and reads every index object again: a pack that it named is gone. */
  async rebuild(): Promise<void> {
    await this.#refreshing;
    emptyIndex(this.db);
    this.#rebuilds += 1;
    await this.refresh();
  }

  /**
   * Takes over what this process has just stored as an index object. Where another process empties the cache meanwhile,
   * the next refresh reads it.
   */
  async add(name: string, packs: readonly IndexedPack[]): Promise<void> {
    const batch = new IndexBatch(this.db);
    batch.add(name, packs);
    await batch.write();
  }

  /** Takes out index objects that this process has just deleted, and packs that none names any more. */
  drop(gone: { objects: readonly string[]; packs: readonly string[] }): void {
    dropFromIndex(this.db, gone);
  }

  [Symbol.dispose](): void {
    for (const db of [...this.#retired, this.db]) db.close();
    if (this.#temporary !== undefined) rmSync(this.#temporary, { recursive: true, force: true });
  }

  /** A cache that somebody has thrown away is made anew: it is filled by the refresh that this begins. */
  #openAgainIfGone(): void {
    if (inodeOf(this.file) === this.#opened.inode) return;
    this.#retired.push(this.db);
    this.#opened = tablesOf({ file: this.file, db: openIndexDatabase(this.file) });
  }

  /** Maintenance may replace index objects between the listing and the reading: then it is listed again. */
  async #refresh(): Promise<void> {
    try {
      this.#openAgainIfGone();
      for (let round = 0; round < ROUNDS_MAX; round += 1) if (await this.#readNew()) return;
    } catch (error) {
      throw fromStorage(error);
    }
    throw new RepositoryError('storage_failed', 'index objects are replaced faster than they can be read');
  }

  /** False: something that was listed was gone when it was read, or went out of the cache meanwhile. */
  async #readNew(): Promise<boolean> {
    // Before the listing: what another process adds meanwhile is not in that, and was not deleted.
    const known = indexObjects(this.db);
    const stored = new Set<string>();
    for await (const name of this.#store.names(INDEX_PREFIX)) stored.add(name);
    this.#listed = stored;
    for (const name of this.damaged.keys()) if (!stored.has(name)) this.damaged.delete(name);
    let is_whole = true;
    let batch = new IndexBatch(this.db);
    for (const name of this.#missing(stored, known)) {
      is_whole = (await this.#load(name, batch)) && is_whole;
      if (!batch.is_full) continue;
      is_whole = (await batch.write()) && is_whole;
      batch = new IndexBatch(this.db);
    }
    return (await batch.write()) && is_whole;
  }

  /** What has to be read: all of it where something that is known was deleted, as that may have named packs that are gone. */
  #missing(stored: ReadonlySet<string>, known: ReadonlySet<string>): string[] {
    if ([...known].every((name) => stored.has(name))) return [...stored].filter((name) => !known.has(name));
    emptyIndex(this.db);
    return [...stored];
  }

  /** False: it was gone. */
  async #load(name: string, batch: IndexBatch): Promise<boolean> {
    const object = await this.#store.get(name).catch((error: unknown) => {
      if (isStorageError(error, 'not_found')) return undefined;
      throw error;
    });
    if (object === undefined) return false;
    try {
      batch.add(name, openIndex(this.#keys, name, object));
      this.damaged.delete(name);
      return true;
    } catch (error) {
      // Other index objects may hold all that is wanted, and `check` names this one: a restore must not end here.
      if (!isRepositoryError(error)) throw error;
      this.damaged.set(name, error);
      return true;
    }
  }

  #damageNote(): string {
    return this.damaged.size === 0 ? '' : ` (and ${this.damaged.size} index objects are damaged)`;
  }
}

interface OpenedTables {
  readonly db: DatabaseSync;
  readonly lookup: IndexLookup;
  readonly marks: MarkTable;
  /** Of the file when it was opened. */
  readonly inode: bigint | undefined;
}

function tablesOf({ file, db }: Pick<OpenedCache, 'file' | 'db'>): OpenedTables {
  return { db, lookup: new IndexLookup(db), marks: new MarkTable(db), inode: inodeOf(file) };
}

function inodeOf(file: string): bigint | undefined {
  return statSync(file, { bigint: true, throwIfNoEntry: false })?.ino;
}

interface OpenedCache {
  readonly file: string;
  readonly db: DatabaseSync;
  /** The folder that goes with it. */
  readonly temporary: string | undefined;
}

/** Where its own disk is full, or it is another user's, a restore must go on all the same: the index is read anew, into a temporary folder. */
function openCache(name: string, cache_dir: string | undefined): OpenedCache {
  if (cache_dir === undefined) return openTemporary(name);
  const file = join(cache_dir, name);
  try {
    return { file, db: openIndexDatabase(file), temporary: undefined };
  } catch (error) {
    if (!isFullCache(error) && !isUnwritableCache(error)) throw error;
    return openTemporary(name);
  }
}

function openTemporary(name: string): OpenedCache {
  const temporary = mkdtempSync(join(tmpdir(), 'holdfast-cache-'));
  const file = join(temporary, name);
  try {
    return { file, db: openIndexDatabase(file), temporary };
  } catch (error) {
    rmSync(temporary, { recursive: true, force: true });
    throw error;
  }
}
