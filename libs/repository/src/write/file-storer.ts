import type { Chunker } from '../chunker/fastcdc.ts';
import { createChunker } from '../chunker/fastcdc.ts';
import type { Engine } from '../engine.ts';
import type { StoreResult } from '../threads/messages.ts';
import { type EngineThread, freeThread, type ThreadLease } from '../threads/worker-pool.ts';
import type { ChunkSink } from './chunk-sink.ts';
import type { ClaimTable } from './claim-table.ts';
import type { PackStore } from './pack-store.ts';
import { tryStoreFile } from './store-file.ts';

/** Up to this much a change is stored in this thread: less than a hop to another costs, and short enough. */
const DIRECT = { files: 4, bytes: 1 << 20 };
const BATCH = { files: 64, bytes: 2 << 20 };
const OUTSTANDING_MAX = 2048;

export interface FileStorerParts {
  readonly engine: Engine;
  readonly sink: ChunkSink;
  readonly claims: ClaimTable;
  readonly packs: PackStore;
  readonly compress: boolean;
}

interface Job {
  readonly path: string;
  readonly size: number;
  readonly done: (result: StoreResult) => void;
}

/** Stores the content of files: a few small ones at once, many in worker threads. */
export class FileStorer implements Disposable {
  readonly #parts: FileStorerParts;
  readonly #chunker: Chunker;
  #queue: Job[] = [];
  #queued_bytes = 0;
  #outstanding = 0;
  #lease: ThreadLease | undefined;
  #begun: Promise<unknown> | undefined;
  #failure: { error: unknown } | undefined;
  #moved = Promise.withResolvers<void>();

  constructor(parts: FileStorerParts) {
    this.#parts = parts;
    this.#chunker = createChunker(parts.engine.keys.gear_seed);
  }

  /** Asks for a file to be stored; `done` is called with what became of it. */
  add(job: Job): void {
    this.#queue.push(job);
    this.#queued_bytes += job.size;
    this.#outstanding += 1;
    const is_little = this.#queue.length <= DIRECT.files && this.#queued_bytes <= DIRECT.bytes;
    if (this.#begun === undefined && !is_little) this.#begun = this.#begin();
    this.#pump();
  }

  /** Resolves once there is room for more. */
  async room(): Promise<void> {
    while (this.#outstanding > OUTSTANDING_MAX && this.#failure === undefined) await this.#moved.promise;
    await this.#parts.packs.room();
    this.#throwFailure();
  }

  /** Resolves when all that was asked for is done and every thread's pack is on its way. */
  async finish(): Promise<void> {
    if (this.#begun === undefined) this.#storeHere();
    while (this.#outstanding > 0 && this.#failure === undefined) await this.#moved.promise;
    this.#throwFailure();
    const threads = this.#lease?.threads ?? [];
    await Promise.all(threads.map((thread) => thread.run({ task: 'end_backup' })));
  }

  [Symbol.dispose](): void {
    this.#lease?.[Symbol.dispose]();
  }

  #storeHere(): void {
    for (const job of this.#queue.splice(0)) {
      this.#settle(job, tryStoreFile(job.path, this.#chunker, this.#parts.sink));
    }
  }

  async #begin(): Promise<void> {
    const { engine, claims, packs, compress } = this.#parts;
    this.#lease = engine.pool.lease();
    try {
      const begun = this.#lease.threads.map((thread) => {
        thread.on_pack = packs.put;
        const { keys, index } = engine;
        return thread.run({
          task: 'begin_backup',
          keys,
          index_file: index.file,
          claim_tables: claims.tables,
          compress,
        });
      });
      await Promise.all(begun);
      this.#pump();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Hands out batches as long as a thread has room; tables of claims that are new go along. */
  #pump(): void {
    const threads = this.#lease?.threads;
    if (threads === undefined || this.#failure !== undefined) return;
    for (;;) {
      const thread = freeThread(threads);
      if (thread === undefined || this.#queue.length === 0) return;
      if (this.#parts.packs.is_behind) {
        this.#parts.packs.room().then(
          () => this.#pump(),
          (error: unknown) => this.#fail(error),
        );
        return;
      }
      this.#growClaims();
      void this.#hand(thread, this.#takeBatch());
    }
  }

  async #hand(thread: EngineThread, batch: readonly Job[]): Promise<void> {
    try {
      const results = await thread.run({ task: 'store_files', paths: batch.map(({ path }) => path) });
      for (const [index, job] of batch.entries()) this.#settle(job, results[index] as StoreResult);
      this.#pump();
    } catch (error) {
      this.#fail(error);
    }
  }

  #takeBatch(): Job[] {
    let count = 0;
    let bytes = 0;
    while (count < Math.min(BATCH.files, this.#queue.length) && (count === 0 || bytes < BATCH.bytes)) {
      bytes += this.#queue[count]?.size ?? 0;
      count += 1;
    }
    this.#queued_bytes -= bytes;
    return this.#queue.splice(0, count);
  }

  #growClaims(): void {
    if (!this.#parts.claims.grow()) return;
    const table = this.#parts.claims.tables.at(-1) as SharedArrayBuffer;
    for (const thread of this.#lease?.threads ?? []) {
      thread
        .run({ task: 'store_files', paths: [], new_table: table })
        .catch((error: unknown) => this.#fail(error));
    }
  }

  #settle(job: Job, result: StoreResult): void {
    this.#outstanding -= 1;
    job.done(result);
    this.#notify();
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
    this.#notify();
  }

  #notify(): void {
    this.#moved.resolve();
    this.#moved = Promise.withResolvers<void>();
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}
