import type { Engine } from '../engine.ts';
import { type IndexedPack, splitForIndexes } from '../index/index-object.ts';
import { putIndex } from '../index/put-index.ts';
import { packName } from '../pack/pack-name.ts';
import type { FinishedPack } from '../pack/pack-writer.ts';
import { putNew } from '../put-new.ts';
import { releaseMemory } from '../release-memory.ts';
import type { PendingWriter } from './pending-writer.ts';

/**
 * An index object is written after so many bytes or so much time: a backup that is cut short keeps what one names.
 * Maintenance merges small ones.
 */
const INDEX_EVERY = { bytes: 256 << 20, ms: 10_000 };
const free = (memory: ArrayBuffer) => releaseMemory(new Uint8Array(memory));
const BACKLOG_MAX = 1;
/** Who stores no more than this has committed before anybody could think that its packs are litter. */
const PACKS_UNANNOUNCED_MAX = 2;

type PackStoreParts = Pick<Engine, 'store' | 'keys' | 'index'>;

export interface PackStoreOptions {
  readonly dry_run?: boolean;
  readonly pending?: PendingWriter;
  readonly index_every?: { readonly bytes: number; readonly ms: number };
}

/** Brings packs to the store, and then names them in index objects: in this order, always. */
export class PackStore {
  /** Bytes that were added to the repository. */
  bytes_stored = 0;
  readonly #engine: PackStoreParts;
  readonly #is_dry: boolean;
  readonly #under_way = new Set<Promise<void>>();
  /** Ids of all packs that were stored, in order. */
  readonly stored_ids: string[] = [];
  readonly #pending: PendingWriter | undefined;
  #announced: Promise<void> | undefined;
  #put_count = 0;
  readonly #index_every: { bytes: number; ms: number };
  #stored: IndexedPack[] = [];
  #stored_bytes = 0;
  #indexed_at_ms = performance.now();
  #indexing: Promise<void> = Promise.resolve();
  #failure: { error: unknown } | undefined;
  readonly #failed = Promise.withResolvers<unknown>();

  /** `dry_run`: packs are counted and thrown away. With `pending` a long backup says so before maintenance clears up after it. */
  constructor(engine: PackStoreParts, options: PackStoreOptions = {}) {
    this.#engine = engine;
    this.#index_every = options.index_every ?? INDEX_EVERY;
    this.#is_dry = options.dry_run ?? false;
    this.#pending = options.pending;
  }

  /**
   * Begins to store a pack; a failure comes out of the next `room` or `checkpoint`, and then no other is stored.
   * `give_back` gets its memory once it is stored or given up; default: it is freed at once, not when it is collected.
   */
  readonly put = (pack: FinishedPack, give_back = free): void => {
    const storing = (this.#failure === undefined ? this.#store(pack) : Promise.resolve())
      .catch((error: unknown) => {
        this.#failure ??= { error };
        this.#failed.resolve(error);
      })
      .finally(() => {
        this.#under_way.delete(storing);
        give_back(pack.data.buffer as ArrayBuffer);
      });
    this.#under_way.add(storing);
  };

  /** Packs that were stored and that no index object names, not even one whose put failed. */
  get unnamed_ids(): string[] {
    return this.#stored.map(({ id }) => id);
  }

  /** True: hand out no more work until there is room. */
  get is_behind(): boolean {
    return this.#under_way.size > BACKLOG_MAX;
  }

  /** Resolves with the error of the first put that failed, at once. */
  get failed(): Promise<unknown> {
    return this.#failed.promise;
  }

  /** Resolves once the store keeps up. */
  async room(): Promise<void> {
    while (this.is_behind) await Promise.race(this.#under_way);
    this.#throwFailure();
  }

  /** Resolves once nothing that was put is under way. */
  async settled(): Promise<void> {
    while (this.#under_way.size > 0) await Promise.all(this.#under_way);
  }

  /** After it every pack that was put is durable and in the index. */
  async checkpoint(): Promise<void> {
    await this.settled();
    this.#throwFailure();
    await this.#indexStored();
  }

  /** One at a time; what is stored meanwhile is left for the next, unless it is in time for this one. */
  #indexStored(): Promise<void> {
    this.#indexing = this.#indexing.then(async () => {
      this.#stored_bytes = 0;
      for (const packs of splitForIndexes(this.#stored.splice(0))) await this.#writeIndex(packs);
      this.#indexed_at_ms = performance.now();
    });
    return this.#indexing;
  }

  async #store(pack: FinishedPack): Promise<void> {
    const { id, header, table, data } = pack;
    if (this.#is_dry) {
      this.bytes_stored += data.length;
      return;
    }
    this.#put_count += 1;
    if (this.#put_count > PACKS_UNANNOUNCED_MAX) await this.#announce();
    await putNew(this.#engine.store, packName(id), data);
    this.bytes_stored += data.length;
    this.stored_ids.push(id);
    this.#stored.push({ id, size: data.length, header, table });
    this.#stored_bytes += data.length;
    const { bytes, ms } = this.#index_every;
    const is_due = this.#stored_bytes >= bytes || performance.now() - this.#indexed_at_ms >= ms;
    if (is_due) await this.#indexStored();
  }

  /** Says once that somebody is writing here. */
  #announce(): Promise<void> | undefined {
    this.#announced ??= this.#pending?.announcePacks([]);
    return this.#announced;
  }

  async #writeIndex(packs: readonly IndexedPack[]): Promise<void> {
    if (this.#announced !== undefined) await this.#pending?.announcePacks(packs.map(({ id }) => id));
    this.bytes_stored += await putIndex(this.#engine, packs);
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}
