import { hostname } from 'node:os';
import type { Survey } from '../check/check-repository.ts';
import type { LostChunk, Mender } from '../check/check-trees.ts';
import { createChunker } from '../chunker/fastcdc.ts';
import { chunkId, ID_BYTES, prefixOf, sha256 } from '../crypto/keys.ts';
import type { Engine } from '../engine.ts';
import { isRepositoryError } from '../errors.ts';
import type { ChunkKind } from '../pack/pack-writer.ts';
import { ChunkSink, type StoredChunk } from '../write/chunk-sink.ts';
import { ClaimTable } from '../write/claim-table.ts';
import { PackStore } from '../write/pack-store.ts';
import { PendingWriter } from '../write/pending-writer.ts';
import { tryStoreFile } from '../write/store-file.ts';

/** So much of a live file is held in memory at a time. */
const LIVE_BYTES_MAX = 512 * 1024 * 1024;

export interface MenderParts {
  readonly survey: Survey;
  readonly second: Engine | undefined;
  readonly live: boolean;
  readonly dry_run: boolean;
}

/** Finds lost chunks in a second repository or in the files themselves, and stores them in new packs. */
export class ChunkMender implements Mender {
  from_second = 0;
  from_live = 0;
  salvaged = 0;
  readonly #parts: MenderParts;
  readonly #packs: PackStore;
  /** While it stands, maintenance takes no new pack for litter. */
  readonly #pending: PendingWriter;
  #is_announced = false;
  readonly #sink: ChunkSink;
  // All by the names of chunks: see below.
  /** What a snapshot needs and is nowhere. */
  readonly #unmended = new Set<string>();
  /** What was stored again, with its length. */
  readonly #stored = new Map<string, number>();
  /** Of chunks of the tree the bytes, too: they may be asked for again. */
  readonly #tree_chunks = new Map<string, Buffer>();
  readonly #files_tried = new Set<string>();
  readonly #chunker;

  constructor(parts: MenderParts) {
    this.#parts = parts;
    const { engine } = parts.survey;
    this.#pending = new PendingWriter(engine, { host: hostname(), source: 'repair' });
    this.#packs = new PackStore(engine, { dry_run: parts.dry_run, pending: this.#pending });
    this.#sink = new ChunkSink({
      keys: engine.keys,
      index: { has: () => false },
      claims: new ClaimTable(),
      compress: true,
      on_pack: this.#packs.put,
    });
    this.#chunker = createChunker(engine.keys.gear_seed);
  }

  get bytes_stored(): number {
    return this.#packs.bytes_stored;
  }

  /** True for a chunk, by its id or the prefix of it, that is stored again. */
  has(id: Buffer): boolean {
    return this.#stored.has(nameOf(id));
  }

  /** True for one, given in the same way, that a snapshot needs and that is nowhere. */
  isUnmended(id: Buffer): boolean {
    return this.#unmended.has(nameOf(id));
  }

  get is_any_unmended(): boolean {
    return this.#unmended.size > 0;
  }

  async read(lost: LostChunk): Promise<Buffer | undefined> {
    await this.#find(lost, 'node');
    return this.#tree_chunks.get(nameOf(lost.id));
  }

  async mend(lost: LostChunk): Promise<number | undefined> {
    await this.#find(lost, 'data');
    return this.#stored.get(nameOf(lost.id));
  }

  /** Stores a sound chunk of a pack that is to be taken out. */
  async salvage(id: Buffer, data: Buffer, kind: ChunkKind): Promise<void> {
    this.salvaged += 1;
    await this.#store(nameOf(id), data, kind);
  }

  /** Packs that will be relied on though no index names them yet: who deletes and looks after this keeps them. */
  async announce(packs: readonly string[]): Promise<void> {
    await this.#pending.announcePacks(packs);
    this.#is_announced = true;
  }

  /** After it all that was found is durable and indexed. */
  async finish(): Promise<void> {
    this.#sink.flush();
    await this.#packs.checkpoint();
  }

  /** Nothing is stored any more. */
  close(): Promise<void> {
    return this.#pending.clear();
  }

  async #find(lost: LostChunk, kind: ChunkKind): Promise<void> {
    const name = nameOf(lost.id);
    if (this.#stored.has(name)) return;
    const data = this.#unmended.has(name) ? undefined : await this.#fromSecond(lost.id);
    if (data !== undefined) {
      this.from_second += 1;
      await this.#store(name, data, kind);
      return;
    }
    // What was sought in vain for one file may stand in another.
    if (this.#parts.live && lost.of_file !== undefined) await this.#cutAgain(lost.path, lost.of_file, kind);
    if (!this.#stored.has(name)) this.#unmended.add(name);
  }

  async #fromSecond(id: Buffer): Promise<Buffer | undefined> {
    const { second } = this.#parts;
    if (second === undefined || !second.index.lookup.has(id)) return undefined;
    try {
      return await second.chunks.read(id);
    } catch (error) {
      // It is damaged there, too.
      if (!isRepositoryError(error)) throw error;
      return undefined;
    }
  }

  /** Every lost chunk of a file that still stands on disk: what has the right id has the right bytes. */
  async #cutAgain(path: string, of_file: Buffer, kind: ChunkKind): Promise<void> {
    const attempt = `${kind} ${path}`;
    if (this.#files_tried.has(attempt)) return;
    const wanted = this.#lostOf(of_file);
    const found = new Map<string, Buffer>();
    let left = LIVE_BYTES_MAX;
    const add = (data: Buffer): StoredChunk => {
      const digest = sha256(data);
      const id = chunkId(this.#parts.survey.engine.keys, digest);
      const name = nameOf(id);
      if (wanted.has(name) && left > 0 && !found.has(name)) {
        found.set(name, Buffer.from(data));
        left -= data.length;
      }
      return { id, digest };
    };
    tryStoreFile(path, { chunker: this.#chunker, sink: { add } });
    // The rest of a very large file is found when the next of its chunks is missed.
    if (left > 0) this.#files_tried.add(attempt);
    for (const [name, data] of found) {
      this.from_live += 1;
      this.#unmended.delete(name);
      await this.#store(name, data, kind);
    }
  }

  #lostOf(ids: Buffer): Set<string> {
    const { engine, findings } = this.#parts.survey;
    const lost = new Set<string>();
    for (let at = 0; at < ids.length; at += ID_BYTES) {
      const id = ids.subarray(at, at + ID_BYTES);
      const name = nameOf(id);
      const places = engine.index.lookup.locate(id);
      const is_lost = places.every(({ pack }) => findings.isLost(id, pack));
      if (is_lost && !this.#stored.has(name)) lost.add(name);
    }
    return lost;
  }

  async #store(name: string, data: Buffer, kind: ChunkKind): Promise<void> {
    if (!this.#is_announced && !this.#parts.dry_run) await this.#pending.announcePacks([]);
    this.#is_announced = true;
    this.#stored.set(name, data.length);
    if (kind === 'node') this.#tree_chunks.set(name, Buffer.from(data));
    this.#sink.add(data, kind);
    await this.#packs.room();
  }
}

/** Of a chunk, by its id or by the prefix of it that tables hold. */
function nameOf(id: Buffer): string {
  return prefixOf(id).toString('hex');
}
