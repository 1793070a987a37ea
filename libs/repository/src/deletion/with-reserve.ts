import { type BlobStore, isStorageError } from '@holdfast/storage/blob-store';
import type { Engine } from '../engine.ts';
import { isFullCache } from '../errors.ts';

/**
 * The engine for work that frees space, and has to write a little before it does: where the store is full it gives up what
 * it keeps for that, a piece at a time, until a put succeeds.
 */
export function withReserve(engine: Engine): Engine {
  const { store } = engine;
  const reserving: BlobStore = {
    location: store.location,
    get: (name, range) => store.get(name, range),
    list: (prefix) => store.list(prefix),
    names: (prefix) => store.names(prefix),
    delete: (name) => store.delete(name),
    put: (name, data) =>
      untilThereIsRoom(
        store,
        () => store.put(name, data),
        (error) => isStorageError(error, 'full'),
      ),
  };
  return { ...engine, store: reserving };
}

/**
 * Does work that can be done again from the start, also where the local cache is full: often it lies on the same disk
 * as the store, whose reserve then serves.
 */
export function withCacheReserve<Result>(store: BlobStore, work: () => Promise<Result>): Promise<Result> {
  return untilThereIsRoom(store, work, isFullCache);
}

async function untilThereIsRoom<Result>(
  store: BlobStore,
  work: () => Promise<Result>,
  isFull: (error: unknown) => boolean,
): Promise<Result> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!isFull(error) || !(await store.freeReserve?.())) throw error;
    }
  }
}
