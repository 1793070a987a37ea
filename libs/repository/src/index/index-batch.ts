import type { DatabaseSync } from 'node:sqlite';
import { PREFIX_BYTES } from '../crypto/keys.ts';
import { type BlockInfo, readPackTable } from '../pack/pack-table.ts';
import type { TableChunks } from '../pack/table-chunks.ts';
import { Slice } from '../slice.ts';
import { inTransaction } from './in-transaction.ts';
import type { IndexedPack } from './index-object.ts';

/** So many chunks are sorted together: about 40 MB. */
const CHUNKS_MAX = 1 << 20;
const PACKS_MAX = 2000;
const SLICE = 400;
/** Chunks are put in order by the first bits of their prefixes. */
const BUCKETS = 1 << 16;

interface TablePack extends IndexedPack {
  readonly blocks: readonly BlockInfo[];
  readonly chunks: TableChunks;
}

interface Numbered {
  readonly number: number;
  readonly pack: TablePack;
}

/**
 * Index objects on their way into the local copy: many at a time, in order of prefixes, so that a page of the database is
 * written once for many chunks. (10,000,000 chunks, object by object, took minutes.)
 */
export class IndexBatch {
  readonly #db: DatabaseSync;
  readonly #names: string[] = [];
  readonly #packs: TablePack[] = [];
  #chunk_count = 0;

  constructor(db: DatabaseSync) {
    this.#db = db;
  }

  /** Worth writing before more is added. */
  get is_full(): boolean {
    return this.#chunk_count >= CHUNKS_MAX || this.#packs.length >= PACKS_MAX;
  }

  /** Throws `repo_damaged`, and nothing is added, where a table does not decode. Without a name: packs that no object names. */
  add(name: string | undefined, packs: readonly IndexedPack[]): void {
    const decoded = packs.map((pack) => ({ ...pack, ...readPackTable(pack.table) }));
    for (const pack of decoded) {
      this.#packs.push(pack);
      this.#chunk_count += pack.chunks.count;
    }
    if (name !== undefined) this.#names.push(name);
  }

  /**
   * In short transactions, giving way between them; the objects are known at the end. False, and none is known: somebody,
   * maybe another process, took a pack out of this cache meanwhile.
   */
  async write(): Promise<boolean> {
    if (this.#packs.length + this.#names.length === 0) return true;
    const db = this.#db;
    const { numbered, stand } = inTransaction(db, () => this.#begin());
    const into = { db, stand };
    if (!(await inSlices(into, eachBlock(numbered), insertBlock(db)))) return false;
    const order = await inOrder(numbered, this.#chunk_count);
    if (!(await inSlices(into, eachChunk(numbered, order), insertChunk(db)))) return false;
    return inTransaction(db, () => {
      if (!stand()) return false;
      const note = db.prepare('INSERT OR IGNORE INTO index_object (name) VALUES (?)');
      for (const name of this.#names) note.run(name);
      return true;
    });
  }

  /** Local numbers, which no other pack ever gets: so a count of those in their range tells whether one was taken out. */
  #begin(): { numbered: Numbered[]; stand: () => boolean } {
    const add = this.#db.prepare('INSERT OR IGNORE INTO pack (id, size, header) VALUES (?, ?, ?)');
    const find = this.#db.prepare('SELECT number FROM pack WHERE id = ?');
    let [first, last] = [Number.POSITIVE_INFINITY, 0];
    const numbered = this.#packs.map((pack) => {
      add.run(pack.id, pack.size, pack.header);
      const { number } = find.get(pack.id) as { number: number };
      [first, last] = [Math.min(first, number), Math.max(last, number)];
      return { number, pack };
    });
    // An object that names no pack.
    if (numbered.length === 0) return { numbered, stand: () => true };
    const count = this.#db.prepare('SELECT COUNT(*) AS packs FROM pack WHERE number BETWEEN ? AND ?');
    const packs = () => (count.get(first, last) as { packs: number }).packs;
    const at_first = packs();
    return { numbered, stand: () => packs() === at_first };
  }
}

type Values = (number | Buffer)[];

function* eachBlock(packs: readonly Numbered[]): Generator<Values> {
  for (const { number, pack } of packs) {
    for (const [index, { offset, sealed_length, raw_length, codec }] of pack.blocks.entries()) {
      yield [number, index, offset, sealed_length, raw_length, codec];
    }
  }
}

function insertBlock(db: DatabaseSync): (values: Values) => void {
  const insert = db.prepare('INSERT OR IGNORE INTO block VALUES (?, ?, ?, ?, ?, ?)');
  return (values) => void insert.run(...values);
}

interface ChunkOrder {
  /** In order: place of the pack in the batch, and number of the chunk in its table. */
  readonly owners: Uint32Array;
  readonly indexes: Uint32Array;
}

/** A counting sort: exact enough, as a page holds more chunks than a bucket. */
async function inOrder(packs: readonly Numbered[], count: number): Promise<ChunkOrder> {
  const next = new Uint32Array(BUCKETS + 1);
  await eachPlace(packs, (_owner, _index, bucket) => {
    next[bucket + 1] = (next[bucket + 1] as number) + 1;
  });
  for (let bucket = 0; bucket < BUCKETS; bucket += 1) {
    next[bucket + 1] = (next[bucket + 1] as number) + (next[bucket] as number);
  }
  const order = { owners: new Uint32Array(count), indexes: new Uint32Array(count) };
  await eachPlace(packs, (owner, index, bucket) => {
    const at = next[bucket] as number;
    next[bucket] = at + 1;
    order.owners[at] = owner;
    order.indexes[at] = index;
  });
  return order;
}

async function eachPlace(
  packs: readonly Numbered[],
  visit: (owner: number, index: number, bucket: number) => void,
): Promise<void> {
  const slice = new Slice();
  for (const [owner, { pack }] of packs.entries()) {
    const { prefixes, count } = pack.chunks;
    for (let index = 0; index < count; index += 1) {
      visit(owner, index, prefixes.readUInt16BE(index * PREFIX_BYTES));
    }
    await slice.rest();
  }
}

function* eachChunk(packs: readonly Numbered[], { owners, indexes }: ChunkOrder): Generator<Values> {
  for (const [at, owner] of owners.entries()) {
    const { number, pack } = packs[owner] as Numbered;
    const index = indexes[at] as number;
    const { prefixes, blocks, offsets, lengths } = pack.chunks;
    const prefix = prefixes.subarray(index * PREFIX_BYTES, (index + 1) * PREFIX_BYTES);
    yield [prefix, number, blocks[index] as number, offsets[index] as number, lengths[index] as number];
  }
}

function insertChunk(db: DatabaseSync): (values: Values) => void {
  const insert = db.prepare('INSERT OR IGNORE INTO chunk VALUES (?, ?, ?, ?, ?)');
  return (values) => void insert.run(...values);
}

/** False: a pack was taken out between two of its transactions, and nothing is added any more. */
async function inSlices(
  into: { readonly db: DatabaseSync; readonly stand: () => boolean },
  rows: Iterator<Values> & Iterable<Values>,
  insert: (values: Values) => void,
): Promise<boolean> {
  const slice = new Slice();
  for (let row = rows.next(); !row.done; ) {
    const is_whole = inTransaction(into.db, () => {
      if (!into.stand()) return false;
      for (let left = SLICE; left > 0 && !row.done; left -= 1) {
        insert(row.value);
        row = rows.next();
      }
      return true;
    });
    if (!is_whole) return false;
    await slice.rest();
  }
  return true;
}

/** Packs that no index object names: they are forgotten with the next one that vanishes. */
export async function insertUnnamed(db: DatabaseSync, packs: readonly IndexedPack[]): Promise<void> {
  let batch = new IndexBatch(db);
  for (const pack of packs) {
    batch.add(undefined, [pack]);
    if (!batch.is_full) continue;
    await batch.write();
    batch = new IndexBatch(db);
  }
  await batch.write();
}
