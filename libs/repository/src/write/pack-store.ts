import type { Engine } from '../engine.ts';
import { fromStorage, RepositoryError } from '../errors.ts';
import { type IndexedPack, sealIndex, splitForIndexes } from '../index/index-object.ts';
import { packName } from '../pack/pack-name.ts';
import type { FinishedPack } from '../pack/pack-writer.ts';
import type { PendingWriter } from './pending-writer.ts';

/** An index object is written after so many packs: a backup that is cut short keeps what one names. */
const PACKS_PER_INDEX = 64;
const BACKLOG_MAX = 1;
/** Who stores no more than this has committed before anybody could think that its packs are litter. */
const PACKS_UNANNOUNCED_MAX = 2;

/** Brings packs to the store, and then names them in index objects: in this order, always. */
export class PackStore {
  /** Bytes that were added to the repository. */
  bytes_stored = 0;
  readonly #engine: Engine;
  readonly #is_dry: boolean;
  readonly #under_way = new Set<Promise<void>>();
  /** Ids of all packs that were stored, in order. */
  readonly stored_ids: string[] = [];
  readonly #pending: PendingWriter | undefined;
  #announced: Promise<void> | undefined;
  #put_count = 0;
  #stored: IndexedPack[] = [];
  #failure: { error: unknown } | undefined;

  /** `dry_run`: packs are counted and thrown away. With `pending` a long backup says so before maintenance clears up after it. */
  constructor(engine: Engine, options: { dry_run?: boolean; pending?: PendingWriter } = {}) {
    this.#engine = engine;
    this.#is_dry = options.dry_run ?? false;
    this.#pending = options.pending;
  }

  /** Begins to store a pack; a failure comes out of the next `room` or `checkpoint`. */
  readonly put = (pack: FinishedPack): void => {
    const storing = this.#store(pack)
      .catch((error: unknown) => {
        this.#failure ??= { error };
      })
      .finally(() => this.#under_way.delete(storing));
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
    if (this.#stored.length >= PACKS_PER_INDEX) await this.checkpoint();
  }

  /** After it every pack that was put is durable and in the index. */
  async checkpoint(): Promise<void> {
    await Promise.all(this.#under_way);
    this.#throwFailure();
    for (const packs of splitForIndexes(this.#stored.splice(0))) await this.#writeIndex(packs);
  }

  async #store(pack: FinishedPack): Promise<void> {
    const { id, header, table, data } = pack;
    if (this.#is_dry) {
      this.bytes_stored += data.length;
      return;
    }
    this.#put_count += 1;
    if (this.#put_count > PACKS_UNANNOUNCED_MAX) await this.#announce();
    await this.#putNew(packName(id), data);
    this.stored_ids.push(id);
    this.#stored.push({ id, size: data.length, header, table });
  }

  /** Says once that somebody is writing here. */
  #announce(): Promise<void> | undefined {
    this.#announced ??= this.#pending?.announcePacks([]);
    return this.#announced;
  }

  async #writeIndex(packs: readonly IndexedPack[]): Promise<void> {
    if (this.#announced !== undefined) await this.#pending?.announcePacks(packs.map(({ id }) => id));
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
