import type { BlobStore } from '@holdfast/storage/blob-store';
import { fromStorage, RepositoryError } from './errors.ts';

/** Stores an object, durably, under a name that nobody else could choose: one that is taken is a failure of the store. */
export async function putNew(store: BlobStore, name: string, object: Buffer): Promise<void> {
  try {
    if (await store.put(name, object)) return;
  } catch (error) {
    throw fromStorage(error);
  }
  throw new RepositoryError('storage_failed', `${name} is taken, though nobody else could choose this name`);
}
