import type { BlobStore } from '@holdfast/storage/blob-store';
import type { RepositoryKeys } from '../crypto/keys.ts';
import { RepositoryError } from '../errors.ts';
import type { IndexCache } from './index-cache.ts';
import { type IndexedPack, sealIndex } from './index-object.ts';

/** Stores an index object of these packs, which are durable already, and takes it into the local copy. */
export async function putIndex(
  to: { readonly store: BlobStore; readonly keys: RepositoryKeys; readonly index: IndexCache },
  packs: readonly IndexedPack[],
): Promise<void> {
  const { name, object } = sealIndex(to.keys, packs);
  if (!(await to.store.put(name, object))) {
    throw new RepositoryError(
      'storage_failed',
      `${name} is taken, though nobody else could choose this name`,
    );
  }
  await to.index.add(name, packs);
}
