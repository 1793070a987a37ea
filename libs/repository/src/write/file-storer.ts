import type { Chunker } from '../chunker/fastcdc.ts';
import { createChunker } from '../chunker/fastcdc.ts';
import type { Engine } from '../engine.ts';
import { throwIfAborted } from '../errors.ts';
import { asBuffer } from '../threads/keys-over-threads.ts';
import type { StoredBatch } from '../threads/messages.ts';
import { type EngineThread, freeThread } from '../threads/worker-pool.ts';
import { sizeOfEntry } from '../tree/entry-codec.ts';
import { beginStoring } from './begin-storing.ts';
import type { ChunkSink } from './chunk-sink.ts';
import type { ClaimTable } from './claim-table.ts';
import type { PackStore } from './pack-store.ts';
import type { Stamper } from './stamp.ts';
import { storeBatch } from './store-batch.ts';

/** How much is done at once. Tests make it small, to meet what else only a large tree does. */
export interface StoringLimits {
  /** Up to this much a change is stored in this thread: less than a hop to another costs, and short enough. */
  readonly direct: Amount;
  /** Goes to a thread as one task. */
  readonly batch: Amount;
  /** So many files may be asked for and not done. */
  readonly outstanding_max: number;
  /** Of a pack; default: that of backups. */
  readonly pack_bytes?: number;
}

interface Amount {
  readonly files: number;
  readonly bytes: number;
}

export const STORING_LIMITS: StoringLimits = {
  direct: { files: 4, bytes: 1 << 20 },
  batch: { files: 128, bytes: 2 << 20 },
  outstanding_max: 4096,
};

export interface FileStorerParts {
  readonly engine: Engine;
  readonly sink: ChunkSink;
  readonly claims: ClaimTable;
  readonly packs: PackStore;
  readonly compress: boolean;
  readonly stampOf: Stamper;
  readonly limits: StoringLimits;
  /** Aborted: whoever waits is told at once, and the threads stop. */
  readonly signal?: AbortSignal | undefined;
}

/** What became of one file: its encoded entry and its stamp, or why it could not be stored. */
export type FileOutcome =
  | {
      readonly ok: true;
      readonly size: number;
      readonly value: Buffer;
      readonly stamp: number;
      /** False: it changed whenever it was read. */
      readonly is_steady: boolean;
    }
  | { readonly ok: false; readonly code: string | undefined; readonly reason: string };

interface Job {
  readonly path: string;
  readonly size: number;
  readonly done: (outcome: FileOutcome) => void;
}

/** Stores the content of files: a few small ones at once, many in worker threads. */
export class FileStorer implements Disposable {
  readonly #parts: FileStorerParts;
  readonly #chunker: Chunker;
  #queue: Job[] = [];
  #queued_bytes = 0;
  #outstanding = 0;
  /** Somebody waits until what is queued is done. */
  #is_awaited = false;
  /** The threads, and the way back of their memory. */
  readonly #held = new DisposableStack();
  #threads: readonly EngineThread[] | undefined;
  #begun: Promise<unknown> | undefined;
  #failure: { error: unknown } | undefined;
  #moved = Promise.withResolvers<void>();
  /** Resolves with the first failure. */
  readonly #failed = Promise.withResolvers<void>();

  constructor(parts: FileStorerParts) {
    this.#parts = parts;
    this.#chunker = createChunker(parts.engine.keys.gear_seed);
    void parts.packs.failed.then((error) => this.#fail(error));
    const { signal } = parts;
    if (signal === undefined) return;
    const stop = () => this.#stop();
    signal.addEventListener('abort', stop);
    this.#held.defer(() => signal.removeEventListener('abort', stop));
  }

  /** Asks for a file to be stored; `done` is called with what became of it. */
  add(job: Job): void {
    this.#queue.push(job);
    this.#queued_bytes += job.size;
    this.#outstanding += 1;
    const { direct } = this.#parts.limits;
    const is_little = this.#queue.length <= direct.files && this.#queued_bytes <= direct.bytes;
    if (this.#begun === undefined && !is_little) this.#begun = this.#begin();
    if (this.#hasBatch()) this.#pump();
  }

  /** Resolves once there is room for more, here and with the caller. */
  async room(isFree: () => boolean): Promise<void> {
    while (this.#outstanding > 0 && this.#failure === undefined) {
      if (this.#outstanding <= this.#parts.limits.outstanding_max && isFree()) break;
      const { promise } = this.#moved;
      this.#workOff();
      await promise;
    }
    this.#is_awaited = false;
    await this.#unlessFailed(this.#parts.packs.room());
  }

  /** Resolves when all that was asked for is done and every thread's pack is on its way. */
  async finish(): Promise<void> {
    this.#workOff();
    while (this.#outstanding > 0 && this.#failure === undefined) await this.#moved.promise;
    this.#throwFailure();
    await this.#unlessFailed(
      Promise.all((this.#threads ?? []).map((thread) => thread.run({ task: 'end_backup' }))),
    );
    this.#held.dispose();
  }

  [Symbol.dispose](): void {
    this.#held.dispose();
  }

  #storeHere(): void {
    const jobs = this.#queue.splice(0);
    this.#queued_bytes = 0;
    const { sink, stampOf } = this.#parts;
    this.#settle(
      jobs,
      storeBatch(
        jobs.map(({ path }) => path),
        { chunker: this.#chunker, sink, stampOf },
      ),
    );
  }

  /** Begins with all that waits: somebody can go on only when it is done. */
  #workOff(): void {
    this.#is_awaited = true;
    if (this.#begun === undefined) this.#storeHere();
    this.#pump();
  }

  /** Small files go to a thread many at a time; what somebody waits for goes as it is. */
  #hasBatch(): boolean {
    const { files, bytes } = this.#parts.limits.batch;
    return this.#is_awaited || this.#queue.length >= files || this.#queued_bytes >= bytes;
  }

  /** Given back at the end, or at once where the end has come meanwhile. */
  #hold<Resource extends Disposable>(resource: Resource): Resource {
    if (this.#held.disposed) resource[Symbol.dispose]();
    else this.#held.use(resource);
    return resource;
  }

  async #begin(): Promise<void> {
    try {
      const { threads } = this.#hold(await this.#parts.engine.pool.reserve());
      if (this.#held.disposed) return;
      const { pack_bytes } = this.#parts.limits;
      this.#hold(await beginStoring(threads, { ...this.#parts, pack_bytes }));
      this.#threads = threads;
      this.#pump();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Hands out batches as long as a thread has room; tables of claims that are new go along. */
  #pump(): void {
    const threads = this.#threads;
    if (threads === undefined || this.#failure !== undefined) return;
    for (;;) {
      const thread = freeThread(threads);
      if (thread === undefined || this.#queue.length === 0 || !this.#hasBatch()) return;
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
      const stored = await thread.run({ task: 'store_files', paths: batch.map(({ path }) => path) });
      this.#settle(batch, stored);
      this.#pump();
    } catch (error) {
      this.#fail(error);
    }
  }

  #takeBatch(): Job[] {
    const { batch } = this.#parts.limits;
    let count = 0;
    let bytes = 0;
    while (count < Math.min(batch.files, this.#queue.length) && (count === 0 || bytes < batch.bytes)) {
      bytes += this.#queue[count]?.size ?? 0;
      count += 1;
    }
    this.#queued_bytes -= bytes;
    return this.#queue.splice(0, count);
  }

  #growClaims(): void {
    if (!this.#parts.claims.grow()) return;
    const table = this.#parts.claims.tables.at(-1) as SharedArrayBuffer;
    for (const thread of this.#threads ?? []) {
      thread
        .run({ task: 'store_files', paths: [], new_table: table })
        .catch((error: unknown) => this.#fail(error));
    }
  }

  #settle(batch: readonly Job[], stored: StoredBatch): void {
    const entries = asBuffer(stored.entries);
    const unsteady = new Set(stored.unsteady);
    const failures = new Map(stored.failures.map((failure) => [failure.at, failure]));
    let start = 0;
    for (const [at, job] of batch.entries()) {
      const failure = failures.get(at);
      const end = start + (stored.lengths[at] as number);
      const value = entries.subarray(start, end);
      start = end;
      this.#outstanding -= 1;
      if (failure !== undefined) job.done({ ok: false, code: failure.code, reason: failure.reason });
      else {
        const stamp = stored.stamps[at] as number;
        job.done({ ok: true, size: sizeOfEntry(value), value, stamp, is_steady: !unsteady.has(at) });
      }
    }
    this.#notify();
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
    this.#failed.resolve();
    this.#notify();
  }

  #stop(): void {
    try {
      throwIfAborted(this.#parts.signal);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Waits for work, but no longer than until something fails. */
  async #unlessFailed(work: Promise<unknown>): Promise<void> {
    await Promise.race([work, this.#failed.promise]);
    this.#throwFailure();
  }

  #notify(): void {
    this.#moved.resolve();
    this.#moved = Promise.withResolvers<void>();
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}
