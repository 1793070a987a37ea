import type { Engine } from '../engine.ts';
import { isRepositoryError } from '../errors.ts';
import type { ChunkLocation } from '../index/index-database.ts';
import { packName } from '../pack/pack-name.ts';
import type { ChunkKind } from '../pack/pack-writer.ts';
import type { CopyBlock, CopyPiece } from '../threads/messages.ts';
import { UnderWay } from '../threads/under-way.ts';
import { leastBusy, type ThreadLease } from '../threads/worker-pool.ts';
import { beginStoring } from '../write/begin-storing.ts';
import { ChunkSink } from '../write/chunk-sink.ts';
import { ClaimTable } from '../write/claim-table.ts';
import { PackStore } from '../write/pack-store.ts';
import type { PendingWriter } from '../write/pending-writer.ts';

/** Blocks are gathered before they are read: what is wanted of one comes together. */
const BLOCKS_AHEAD = 64;

export interface CopierParts {
  readonly source: Engine;
  readonly destination: Engine;
  readonly compress: boolean;
  /** Of zstd. */
  readonly level?: number;
  /** Says that somebody is writing here. */
  readonly pending: PendingWriter;
}

interface BlockJob {
  readonly place: ChunkLocation;
  readonly pieces: CopyPiece[];
}

/**
 * Brings chunks from one repository into packs of another, each once; those that it has are not read. Blocks are read here,
 * opened, verified, compressed again and sealed in worker threads.
 */
export class ChunkCopier implements Disposable {
  readonly #parts: CopierParts;
  readonly packs: PackStore;
  readonly #wanted = new ClaimTable();
  /** For the few whose first copy in the source is damaged. */
  readonly #sink: ChunkSink;
  readonly #lost = new Map<string, unknown>();
  #lost_told = 0;
  readonly #under_way = new UnderWay();
  #jobs = new Map<string, BlockJob>();
  #lease: ThreadLease | undefined;
  #returns: Disposable | undefined;
  chunks = 0;
  bytes_read = 0;

  constructor(parts: CopierParts) {
    this.#parts = parts;
    const { destination, compress, level, pending } = parts;
    this.packs = new PackStore(destination, { pending });
    this.#sink = new ChunkSink({
      keys: destination.keys,
      index: destination.index.lookup,
      claims: new ClaimTable(),
      compress,
      ...(level !== undefined && { level }),
      on_pack: this.packs.put,
    });
  }

  get bytes_stored(): number {
    return this.packs.bytes_stored;
  }

  /** Asks for a chunk; rejects where it is known that it cannot be had. */
  async want(id: Buffer, kind: ChunkKind): Promise<void> {
    const hex = id.toString('hex');
    if (this.#lost.has(hex)) throw this.#lost.get(hex);
    if (this.#parts.destination.index.lookup.has(id)) return;
    this.#wanted.grow();
    if (!this.#wanted.claim(id)) return;
    const [place] = await this.#parts.source.index.locate(id).catch((error: unknown) => {
      this.#lost.set(hex, error);
      throw error;
    });
    if (place === undefined) return;
    const key = `${place.pack}/${place.block}`;
    const job = this.#jobs.get(key) ?? { place, pieces: [] };
    // A copy: it is a view into a node.
    job.pieces.push({ id: Buffer.from(id), offset: place.offset, length: place.length, kind });
    this.#jobs.set(key, job);
    if (this.#jobs.size >= BLOCKS_AHEAD) await this.#start();
  }

  /** Resolves when all that was asked for is in packs; rejects where some of what was asked for since the last time is lost. */
  async settle(): Promise<void> {
    await this.#start();
    await this.#under_way.settled();
    const known = this.#lost_told;
    this.#lost_told = this.#lost.size;
    if (this.#lost.size > known) throw [...this.#lost.values()].at(-1);
  }

  /** After it all of it is durable and in the index. */
  async checkpoint(): Promise<void> {
    await this.#under_way.settled();
    const threads = this.#lease?.threads ?? [];
    await Promise.all(threads.map((thread) => thread.run({ task: 'end_backup' })));
    this.#returns?.[Symbol.dispose]();
    this.#lease?.[Symbol.dispose]();
    this.#lease = undefined;
    this.#sink.flush();
    await this.packs.checkpoint();
  }

  [Symbol.dispose](): void {
    this.#returns?.[Symbol.dispose]();
    this.#lease?.[Symbol.dispose]();
  }

  async #start(): Promise<void> {
    const jobs = [...this.#jobs.values()];
    this.#jobs = new Map();
    if (jobs.length > 0) this.#lease ??= await this.#begin();
    for (const job of jobs) {
      await this.packs.room();
      await this.#under_way.begin(2 * (this.#lease?.threads.length ?? 1), () => this.#run(job));
    }
  }

  async #begin(): Promise<ThreadLease> {
    const { destination: engine, compress, level } = this.#parts;
    const lease = engine.pool.lease();
    const claims = new ClaimTable();
    this.#returns = await beginStoring(lease.threads, { engine, packs: this.packs, claims, compress, level });
    return lease;
  }

  async #run(job: BlockJob): Promise<void> {
    const failed = await this.#copyBlock(job).catch((error: unknown) => {
      if (!Error.isError(error) || error.name !== 'StorageError') throw error;
      // The pack is gone or cannot be read: each chunk is looked for elsewhere.
      return [...job.pieces.keys()];
    });
    for (const index of failed) await this.#copyAlone(job.pieces[index] as CopyPiece);
    this.chunks += job.pieces.length;
  }

  async #copyBlock({ place, pieces }: BlockJob): Promise<readonly number[]> {
    const { store, keys } = this.#parts.source;
    const { pack, pack_header, block, codec, raw_length, sealed_length } = place;
    const sealed = await store.get(packName(pack), { offset: place.block_offset, length: sealed_length });
    this.bytes_read += sealed.length;
    const threads = this.#lease?.threads ?? [];
    const thread = leastBusy(threads);
    if (thread === undefined) throw new Error('no engine thread');
    const task: CopyBlock = {
      task: 'copy_block',
      keys,
      pack,
      pack_header,
      block,
      codec,
      raw_length,
      sealed,
      pieces,
    };
    return thread.run(task, [sealed.buffer as ArrayBuffer]);
  }

  async #copyAlone({ id, kind }: CopyPiece): Promise<void> {
    const chunk = Buffer.from(id);
    try {
      this.#sink.add(Buffer.from(await this.#parts.source.chunks.read(chunk)), kind);
    } catch (error) {
      if (!isRepositoryError(error)) throw error;
      this.#lost.set(chunk.toString('hex'), error);
    }
  }
}
