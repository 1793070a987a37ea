import type { Engine } from '../engine.ts';
import { reasonOf } from '../errors.ts';
import type { ChunkLocation } from '../index/index-database.ts';
import { packName } from '../pack/pack-name.ts';
import type { WriteBlock, WritePiece } from '../threads/messages.ts';
import { freeThread, type ThreadLease } from '../threads/worker-pool.ts';
import { writeBlock, writePiece } from './write-block.ts';

/** Fewer blocks than this are written in this thread. */
const DIRECT_MAX = 3;

export interface PieceOutcome {
  readonly piece: WritePiece;
  /** Undefined: it is written. */
  readonly reason: string | undefined;
}

interface BlockJob {
  readonly place: ChunkLocation;
  readonly pieces: WritePiece[];
}

/** Reads each block once and has all that is wanted of it written, many blocks in worker threads. */
export class BlockQueue implements Disposable {
  readonly #engine: Engine;
  readonly #on_done: (outcome: PieceOutcome) => void;
  #jobs = new Map<string, BlockJob>();
  #lease: ThreadLease | undefined;
  readonly #under_way = new Set<Promise<void>>();

  constructor(engine: Engine, on_done: (outcome: PieceOutcome) => void) {
    this.#engine = engine;
    this.#on_done = on_done;
  }

  /** Blocks that wait for `flush`. */
  get waiting(): number {
    return this.#jobs.size;
  }

  add(place: ChunkLocation, piece: WritePiece): void {
    const key = `${place.pack}/${place.block}`;
    const job = this.#jobs.get(key) ?? { place, pieces: [] };
    job.pieces.push(piece);
    this.#jobs.set(key, job);
  }

  /** Starts all that waits, pack by pack; resolves when there is room for more. */
  async flush(): Promise<void> {
    const jobs = [...this.#jobs.values()].sort((one, other) => order(one.place, other.place));
    this.#jobs = new Map();
    if (this.#lease === undefined && jobs.length > DIRECT_MAX) this.#lease = this.#engine.pool.lease();
    for (const job of jobs) {
      while (this.#under_way.size >= this.#limit()) await Promise.race(this.#under_way);
      const running: Promise<void> = this.#run(job).finally(() => this.#under_way.delete(running));
      this.#under_way.add(running);
    }
  }

  /** Resolves when everything is written or has failed. */
  async finish(): Promise<void> {
    await this.flush();
    await Promise.all(this.#under_way);
  }

  [Symbol.dispose](): void {
    this.#lease?.[Symbol.dispose]();
  }

  #limit(): number {
    return 2 * (this.#lease?.threads.length ?? 1);
  }

  async #run(job: BlockJob): Promise<void> {
    const failed = new Map<number, string>();
    try {
      for (const { piece, reason } of await this.#write(job)) failed.set(piece, reason);
    } catch (error) {
      for (const index of job.pieces.keys()) failed.set(index, reasonOf(error));
    }
    for (const [index, piece] of job.pieces.entries()) {
      const is_failed = failed.has(index);
      this.#on_done({ piece, reason: is_failed ? await this.#writeAgain(piece) : undefined });
    }
  }

  async #write({ place, pieces }: BlockJob) {
    const sealed = await this.#engine.store.get(packName(place.pack), {
      offset: place.block_offset,
      length: place.sealed_length,
    });
    const task: WriteBlock = {
      task: 'write_block',
      keys: this.#engine.keys,
      pack: place.pack,
      pack_header: place.pack_header,
      block: place.block,
      codec: place.codec,
      raw_length: place.raw_length,
      sealed,
      pieces,
    };
    const threads = this.#lease?.threads;
    if (threads === undefined) return writeBlock(task);
    const thread = freeThread(threads) ?? threads[0];
    return thread === undefined ? writeBlock(task) : thread.run(task, [sealed.buffer as ArrayBuffer]);
  }

  /** From another copy of the chunk, where there is one; the reason where that fails too. */
  async #writeAgain(piece: WritePiece): Promise<string | undefined> {
    try {
      writePiece(piece, await this.#engine.chunks.read(Buffer.from(piece.id)));
      return undefined;
    } catch (error) {
      return reasonOf(error);
    }
  }
}

function order(one: ChunkLocation, other: ChunkLocation): number {
  if (one.pack !== other.pack) return one.pack < other.pack ? -1 : 1;
  return one.block - other.block;
}
