import type { BlobStore } from '@holdfast/storage/blob-store';
import type { RepositoryKeys } from '../crypto/keys.ts';
import { putNew } from '../put-new.ts';
import type { IndexCache } from './index-cache.ts';
import { type IndexedPack, sealIndex } from './index-object.ts';

/** Stores an index object of these packs, which are durable already, and takes it into the local copy. Its bytes. */
export async function putIndex(
  to: { readonly store: BlobStore; readonly keys: RepositoryKeys; readonly index: IndexCache },
  packs: readonly IndexedPack[],
): Promise<number> {
  const { name, object } = sealIndex(to.keys, packs);
  await putNew(to.store, name, object);
  await to.index.add(name, packs);
  return object.length;
}
