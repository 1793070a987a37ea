import { availableParallelism } from 'node:os';
import { type Transferable, Worker } from 'node:worker_threads';
import { RepositoryError, type RepositoryErrorCode } from '../errors.ts';
import type { FinishedPack } from '../pack/pack-writer.ts';
import { asBuffer } from './keys-over-threads.ts';
import type { FromThread, Task, TaskResults } from './messages.ts';

const THREADS_MAX = 8;
const IDLE_MS = 20_000;
/** Its objects are few and die young: more room for them only makes the process larger. */
const LIMITS = { maxYoungGenerationSizeMb: 6 };
/** A thread has one task in hand and one waiting, so that it never stands still for a message. */
const TASKS_AHEAD = 2;

interface Waiting {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** One thread and what was asked of it. */
export class EngineThread {
  /** Called with each pack that a backup in this thread finishes. */
  on_pack: (pack: FinishedPack) => void = () => undefined;
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  /** Resolves once its code is loaded, or it has ended. */
  readonly #loaded = Promise.withResolvers<void>();
  #next_id = 1;
  #broken: unknown;

  constructor() {
    // Without the flags of the process: some (`-e` with `--input-type`) end a thread that is a file.
    const options = { execArgv: [], resourceLimits: LIMITS };
    this.#worker = new Worker(new URL('./engine-worker.ts', import.meta.url), options);
    this.#worker.on('message', (message: FromThread) => this.#receive(message));
    this.#worker.on('error', (error) => this.#fail(error));
    this.#worker.on('exit', (code) => this.#fail(new Error(`an engine thread ended with code ${code}`)));
    this.#worker.unref();
  }

  get busy(): number {
    return this.#waiting.size;
  }

  /** Tasks are done one after the other. */
  run<Kind extends Task['task']>(
    task: Extract<Task, { task: Kind }>,
    transfer: Transferable[] = [],
  ): Promise<TaskResults[Kind]> {
    if (this.#broken !== undefined) return Promise.reject(this.#broken);
    const id = this.#next_id;
    this.#next_id += 1;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#waiting.set(id, { resolve, reject });
    // While something is asked of it, it keeps the process alive.
    this.#worker.ref();
    this.#worker.postMessage({ id, task }, transfer);
    return promise as Promise<TaskResults[Kind]>;
  }

  /** Not before its code is loaded: a native module whose loading is broken off takes the whole process with it. */
  async end(): Promise<void> {
    this.#worker.ref();
    await this.#loaded.promise;
    await this.#worker.terminate();
  }

  #receive(message: FromThread): void {
    if (message.kind === 'loaded') {
      this.#loaded.resolve();
      return;
    }
    if (message.kind === 'pack') {
      const { id, header, table, data } = message.pack;
      this.on_pack({ id, header: asBuffer(header), table: asBuffer(table), data: asBuffer(data) });
      return;
    }
    const waiting = this.#waiting.get(message.id);
    this.#waiting.delete(message.id);
    if (this.#waiting.size === 0) this.#worker.unref();
    if (message.kind === 'result') waiting?.resolve(message.result);
    else waiting?.reject(asError(message.error));
  }

  #fail(error: unknown): void {
    this.#broken ??= error;
    this.#loaded.resolve();
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}

/** Use of the threads for some time. */
export interface ThreadLease extends Disposable {
  readonly threads: readonly EngineThread[];
}

/** The threads of one repository: made when first needed, ended after some idle time. */
export class WorkerPool implements AsyncDisposable {
  readonly size = Math.min(THREADS_MAX, Math.max(1, availableParallelism()));
  #threads: EngineThread[] | undefined;
  #users = 0;
  #idle: NodeJS.Timeout | undefined;
  #reserved: Promise<void> = Promise.resolve();

  /** The same for who stores: threads hold the state of one backup, so that others who store wait until it is disposed. */
  async reserve(): Promise<ThreadLease> {
    const before = this.#reserved;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#reserved = promise;
    await before;
    const held = new DisposableStack();
    held.defer(resolve);
    const { threads } = held.use(this.lease());
    return { threads, [Symbol.dispose]: () => held.dispose() };
  }

  /** The threads, until the lease is disposed. */
  lease(): ThreadLease {
    clearTimeout(this.#idle);
    this.#threads ??= Array.from({ length: this.size }, () => new EngineThread());
    this.#users += 1;
    return {
      threads: this.#threads,
      [Symbol.dispose]: () => {
        this.#users -= 1;
        if (this.#users === 0) this.#endWhenIdle();
      },
    };
  }

  /** Gives the memory of the threads back now, where nobody uses them. */
  async endIfIdle(): Promise<void> {
    if (this.#users === 0) await this[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#idle);
    const threads = this.#threads ?? [];
    this.#threads = undefined;
    await Promise.all(threads.map((thread) => thread.end()));
  }

  #endWhenIdle(): void {
    this.#idle = setTimeout(() => void this[Symbol.asyncDispose](), IDLE_MS);
    this.#idle.unref();
  }
}

function asError(error: { message: string; code: string | undefined }): Error {
  if (error.code === undefined || !/^[a-z_]+$/.test(error.code)) return new Error(error.message);
  return new RepositoryError(error.code as RepositoryErrorCode, error.message);
}

/** The thread that may be handed another task, the least busy; undefined: wait for a result first. */
export function freeThread(threads: readonly EngineThread[]): EngineThread | undefined {
  const least = leastBusy(threads);
  return least !== undefined && least.busy < TASKS_AHEAD ? least : undefined;
}

/** For a task that is not to wait here; undefined where there is no thread. */
export function leastBusy(threads: readonly EngineThread[]): EngineThread | undefined {
  return [...threads].sort((one, other) => one.busy - other.busy)[0];
}
