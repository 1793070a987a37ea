import { accessSync, constants, mkdirSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { prefixOf } from '../crypto/keys.ts';
import { isBusyCache, isFullCache, isUnwritableCache } from '../errors.ts';
import type { BlockInfo, PackTable } from '../pack/pack-table.ts';
import type { ChunkPlace } from '../pack/table-chunks.ts';
import { Slice } from '../slice.ts';
import { inTransaction } from './in-transaction.ts';

/** Where a chunk lies, with all that one ranged get and one decode need. */
export interface ChunkLocation {
  /** 32 hex digits. */
  readonly pack: string;
  readonly pack_header: Buffer;
  readonly block: number;
  readonly block_offset: number;
  readonly sealed_length: number;
  readonly raw_length: number;
  readonly codec: number;
  /** In the raw block. */
  readonly offset: number;
  readonly length: number;
}

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS index_object (name TEXT PRIMARY KEY) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS pack (number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, size INTEGER NOT NULL, header BLOB NOT NULL);
  CREATE TABLE IF NOT EXISTS block (
    pack INTEGER NOT NULL, number INTEGER NOT NULL, offset INTEGER NOT NULL, sealed_length INTEGER NOT NULL,
    raw_length INTEGER NOT NULL, codec INTEGER NOT NULL, PRIMARY KEY (pack, number)
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS chunk (
    prefix BLOB NOT NULL, pack INTEGER NOT NULL, block INTEGER NOT NULL, offset INTEGER NOT NULL, length INTEGER NOT NULL,
    PRIMARY KEY (prefix, pack, block, offset)
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS marks_object (name TEXT PRIMARY KEY) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS marked_pack (id TEXT PRIMARY KEY) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS held_tree (tree TEXT PRIMARY KEY, marks_version INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS seen_snapshot (id TEXT PRIMARY KEY) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS stat (
    source TEXT NOT NULL, key TEXT NOT NULL, stamp INTEGER NOT NULL, PRIMARY KEY (source, key)
  ) WITHOUT ROWID;
`;
const CACHE_VERSION = 6;
const OTHER_VERSION = 'a cache of another version';
const SQLITE_CORRUPT = 11;
const SQLITE_NOTADB = 26;
const LOCATE = `
  SELECT pack.id AS pack, pack.header AS pack_header, block.number AS block, block.offset AS block_offset,
    block.sealed_length, block.raw_length, block.codec, chunk.offset, chunk.length
  FROM chunk JOIN block ON block.pack = chunk.pack AND block.number = chunk.block JOIN pack ON pack.number = chunk.pack
  WHERE chunk.prefix = ?`;

/**
 * The local copy of the index in SQLite. It may be lost at any time: it is filled again from the index objects. Each
 * thread opens its own; writers of several processes wait for each other.
 */
export function openIndexDatabase(file: string): DatabaseSync {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  try {
    return openAtVersion(file);
  } catch (error) {
    if (!isUnusable(error)) throw error;
    // Nothing is lost with it, so it is made again.
    for (const suffix of ['', '-wal', '-shm']) rmSync(`${file}${suffix}`, { force: true });
    return openAtVersion(file);
  }
}

/** The same for a thread that only looks things up, while the thread that opened it for writing lives. */
export function openIndexReadOnly(file: string): DatabaseSync {
  const db = new DatabaseSync(file, { readOnly: true });
  db.exec('PRAGMA busy_timeout = 5000');
  return db;
}

/** Torn by a crash, no database at all, or made by another version of this code. */
function isUnusable(error: unknown): boolean {
  if (!Error.isError(error)) return false;
  const number = 'errcode' in error ? Number(error.errcode) & 0xff : undefined;
  return number === SQLITE_CORRUPT || number === SQLITE_NOTADB || error.message === OTHER_VERSION;
}

function openAtVersion(file: string): DatabaseSync {
  const db = new DatabaseSync(file);
  try {
    // SQLite would open it for reading alone, and fail when it is first filled.
    accessSync(file, constants.W_OK);
    db.exec('PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL');
    const { user_version } = db.prepare('PRAGMA user_version').get() as { user_version: number };
    if (user_version === 0) db.exec(`${SCHEMA}; PRAGMA user_version = ${CACHE_VERSION}`);
    else if (user_version !== CACHE_VERSION) throw new Error(OTHER_VERSION);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

const HAS = 'SELECT 1 FROM chunk WHERE prefix = ? LIMIT 1';
/** A pack that is marked for deletion serves readers as long as it stands, but no writer may come to rely on it. */
const HAS_UNMARKED = `
  SELECT 1 FROM chunk JOIN pack ON pack.number = chunk.pack
  WHERE chunk.prefix = ? AND pack.id NOT IN (SELECT id FROM marked_pack) LIMIT 1`;

/** Whether a chunk is held by a pack that is not marked for deletion: all that a writer asks. */
export interface KnownChunks {
  has(id: Buffer): boolean;
}

/** For a backup that has just begun: asks an empty index nothing (what it adds itself, its claims know). */
export function knownChunks(db: DatabaseSync): KnownChunks {
  const is_empty = db.prepare('SELECT 1 FROM chunk LIMIT 1').get() === undefined;
  return is_empty ? { has: () => false } : new IndexLookup(db);
}

/** Looks chunks up, by their ids or what tables hold of these: the first 16 bytes count. */
export class IndexLookup implements KnownChunks {
  readonly #has: StatementSync;
  readonly #has_unmarked: StatementSync;
  readonly #any_marked: StatementSync;
  #is_marked = false;
  readonly #locate: StatementSync;

  constructor(db: DatabaseSync) {
    this.#has = db.prepare(HAS);
    this.#has_unmarked = db.prepare(HAS_UNMARKED);
    this.#any_marked = db.prepare('SELECT 1 FROM marked_pack LIMIT 1');
    this.#locate = db.prepare(LOCATE);
    this.heedMarks();
  }

  /** To be called before lookups that must heed the marks which are known by now: other processes may have added some. */
  heedMarks(): void {
    this.#is_marked = this.#any_marked.get() !== undefined;
  }

  has(id: Buffer): boolean {
    return (this.#is_marked ? this.#has_unmarked : this.#has).get(prefixOf(id)) !== undefined;
  }

  /** Every place that holds it: usually one, none where it is not known. */
  locate(id: Buffer): ChunkLocation[] {
    return this.#locate.all(prefixOf(id)).map((row) => ({
      ...(row as unknown as ChunkLocation),
      pack_header: Buffer.from(row['pack_header'] as Uint8Array),
    }));
  }
}

/** Names of the index objects that are known whole. */
export function indexObjects(db: DatabaseSync): Set<string> {
  const rows = db.prepare('SELECT name FROM index_object').all();
  return new Set(rows.map((row) => row['name'] as string));
}

/** A pack that the index names. */
export interface PackRow {
  /** Local, for other rows of this database. */
  readonly number: number;
  readonly id: string;
  readonly size: number;
}

/** All packs that the index names, in order of their ids. */
export function indexedPacks(db: DatabaseSync): PackRow[] {
  return db.prepare('SELECT number, id, size FROM pack ORDER BY id').all() as unknown as PackRow[];
}

/** All blocks that the index names, pack by pack. */
export function eachIndexedBlock(
  db: DatabaseSync,
): Iterable<{ pack: number; number: number; sealed_length: number; raw_length: number }> {
  const rows = db.prepare('SELECT pack, number, sealed_length, raw_length FROM block ORDER BY pack, number');
  return rows.iterate() as Iterable<never>;
}

/** All chunks that the index names, in order of prefixes: one that several packs hold comes several times. */
export function* eachIndexedChunk(
  db: DatabaseSync,
): Generator<{ prefix: Buffer; pack: number; block: number; length: number }> {
  const rows = db.prepare('SELECT prefix, pack, block, length FROM chunk ORDER BY prefix, pack');
  for (const row of rows.iterate()) {
    const { pack, block, length } = row as unknown as { pack: number; block: number; length: number };
    yield { prefix: Buffer.from(row['prefix'] as Uint8Array), pack, block, length };
  }
}

/** Takes packs that no index object names any more out of the local copy, and the names of those objects. */
export function dropFromIndex(
  db: DatabaseSync,
  gone: { objects: readonly string[]; packs: readonly string[] },
): void {
  inTransaction(db, () => {
    for (const name of gone.objects) db.prepare('DELETE FROM index_object WHERE name = ?').run(name);
    const numbers = 'SELECT number FROM pack WHERE id IN (SELECT value FROM json_each(?))';
    const packs = JSON.stringify(gone.packs);
    db.prepare(`DELETE FROM chunk WHERE pack IN (${numbers})`).run(packs);
    db.prepare(`DELETE FROM block WHERE pack IN (${numbers})`).run(packs);
    db.prepare('DELETE FROM pack WHERE id IN (SELECT value FROM json_each(?))').run(packs);
  });
}

/** Takes all that index objects say out of the local copy. */
export function emptyIndex(db: DatabaseSync): void {
  inTransaction(db, () => {
    db.exec('DELETE FROM index_object; DELETE FROM chunk; DELETE FROM block; DELETE FROM pack');
  });
}

/**
 * Notes snapshots that stood in the store: whoever removes one without a tombstone is found out by this host. Those that
 * are noted already need no lock. Where the cache takes no note now (its disk is full, another process is writing), who
 * only reads goes on: the next to list them notes them.
 */
export function rememberSnapshots(db: DatabaseSync, ids: readonly string[]): void {
  const is_noted = db.prepare('SELECT 1 FROM seen_snapshot WHERE id = ?');
  const note = db.prepare('INSERT OR IGNORE INTO seen_snapshot VALUES (?)');
  try {
    const unseen = ids.filter((id) => is_noted.get(id) === undefined);
    if (unseen.length === 0) return;
    inTransaction(db, () => {
      for (const id of unseen) note.run(id);
    });
  } catch (error) {
    if (!isFullCache(error) && !isBusyCache(error) && !isUnwritableCache(error)) throw error;
  }
}

/** All that were ever noted here. */
export function seenSnapshots(db: DatabaseSync): string[] {
  return db
    .prepare('SELECT id FROM seen_snapshot')
    .all()
    .map((row) => row['id'] as string);
}

/** Makes `indexedTable` fast: worth it where it is asked for every pack. */
export function prepareForTables(db: DatabaseSync): void {
  db.exec('CREATE INDEX IF NOT EXISTS chunk_of_pack ON chunk (pack)');
}

/** What the index says of one pack. Synchronous: for worker threads. */
export function indexedTable(
  db: DatabaseSync,
  id: string,
): { size: number; header: Buffer; table: PackTable } {
  const { number, size, header } = packRow(db, id);
  const chunks = [...chunksOfPack(db, number)];
  return { size, header: Buffer.from(header), table: { blocks: blocksOfPack(db, number), chunks } };
}

/** The prefixes of its chunks, giving way now and then. */
export async function* indexedChunks(db: DatabaseSync, id: string): AsyncGenerator<Buffer> {
  const slice = new Slice();
  for (const chunk of chunksOfPack(db, packRow(db, id).number)) {
    yield chunk.prefix;
    await slice.rest();
  }
}

function packRow(db: DatabaseSync, id: string) {
  return db.prepare('SELECT number, size, header FROM pack WHERE id = ?').get(id) as unknown as {
    number: number;
    size: number;
    header: Uint8Array;
  };
}

function blocksOfPack(db: DatabaseSync, number: number): BlockInfo[] {
  const rows = db.prepare('SELECT * FROM block WHERE pack = ? ORDER BY number').all(number);
  return rows as unknown as BlockInfo[];
}

function* chunksOfPack(db: DatabaseSync, number: number): Generator<ChunkPlace> {
  for (const chunk of db.prepare('SELECT * FROM chunk WHERE pack = ?').iterate(number)) {
    yield { ...(chunk as unknown as ChunkPlace), prefix: Buffer.from(chunk['prefix'] as Uint8Array) };
  }
}
