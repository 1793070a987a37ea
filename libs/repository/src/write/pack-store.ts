import type { Engine } from '../engine.ts';
import { fromStorage, RepositoryError } from '../errors.ts';
import { type IndexedPack, sealIndex } from '../index/index-object.ts';
import { packName } from '../pack/pack-name.ts';
import type { FinishedPack } from '../pack/pack-writer.ts';

/**
 * An index object is written after so many bytes or so much time: a backup that is cut short keeps what one names.
 * Maintenance merges small ones.
 */
const INDEX_EVERY = { bytes: 256 << 20, ms: 10_000 };
/** An index object ends with the pack that takes its tables beyond this: none blocks its reader for long. */
const TABLE_BYTES = 2 << 20;
const BACKLOG_MAX = 1;

type PackStoreParts = Pick<Engine, 'store' | 'keys' | 'index'>;

/** Brings packs to the store, and then names them in index objects: in this order, always. */
export class PackStore {
  /** Bytes that were added to the repository. */
  bytes_stored = 0;
  readonly #engine: PackStoreParts;
  readonly #is_dry: boolean;
  readonly #under_way = new Set<Promise<void>>();
  readonly #index_every: { bytes: number; ms: number };
  #stored: IndexedPack[] = [];
  #stored_bytes = 0;
  #indexed_at_ms = performance.now();
  #indexing: Promise<void> = Promise.resolve();
  #failure: { error: unknown } | undefined;

  /** `dry_run`: packs are counted and thrown away. */
  constructor(
    engine: PackStoreParts,
    options: { dry_run: boolean; index_every?: { bytes: number; ms: number } },
  ) {
    this.#engine = engine;
    this.#index_every = options.index_every ?? INDEX_EVERY;
    this.#is_dry = options.dry_run;
  }

  /**
   * Begins to store a pack; a failure comes out of the next `room` or `checkpoint`, and then no other is stored.
   * `give_back` gets its memory once it is stored or given up.
   */
  readonly put = (pack: FinishedPack, give_back: (memory: ArrayBuffer) => void): void => {
    const storing = (this.#failure === undefined ? this.#store(pack) : Promise.resolve())
      .catch((error: unknown) => {
        this.#failure ??= { error };
      })
      .finally(() => {
        this.#under_way.delete(storing);
        give_back(pack.data.buffer as ArrayBuffer);
      });
    this.#under_way.add(storing);
  };

  /** True: hand out no more work until there is room. */
  get is_behind(): boolean {
    return this.#under_way.size > BACKLOG_MAX;
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
      while (this.#stored.length > 0) await this.#writeIndex(this.#takeForIndex());
      this.#indexed_at_ms = performance.now();
    });
    return this.#indexing;
  }

  #takeForIndex(): IndexedPack[] {
    let table_bytes = 0;
    let count = 0;
    while (count < this.#stored.length && table_bytes < TABLE_BYTES) {
      table_bytes += this.#stored[count]?.table.length ?? 0;
      count += 1;
    }
    return this.#stored.splice(0, count);
  }

  async #store(pack: FinishedPack): Promise<void> {
    const { id, header, table, data } = pack;
    if (this.#is_dry) {
      this.bytes_stored += data.length;
      return;
    }
    await this.#putNew(packName(id), data);
    this.#stored.push({ id, size: data.length, header, table });
    this.#stored_bytes += data.length;
    const { bytes, ms } = this.#index_every;
    const is_due = this.#stored_bytes >= bytes || performance.now() - this.#indexed_at_ms >= ms;
    if (is_due) await this.#indexStored();
  }

  async #writeIndex(packs: readonly IndexedPack[]): Promise<void> {
    const { name, object } = sealIndex(this.#engine.keys, packs);
    await this.#putNew(name, object);
    await this.#engine.index.add(name, packs);
  }

  async #putNew(name: string, object: Buffer): Promise<void> {
    try {
      if (!(await this.#engine.store.put(name, object))) {
        throw new RepositoryError(
          'storage_failed',
          `${name} is taken, though nobody else could choose this name`,
        );
      }
    } catch (error) {
      throw fromStorage(error);
    }
    this.bytes_stored += object.length;
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}
