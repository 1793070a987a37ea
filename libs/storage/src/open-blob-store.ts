import { fileURLToPath } from 'node:url';
import { type BlobStore, StorageError } from './blob-store.ts';
import { createLocalStore } from './local.ts';

/**
 * The store that a `--repo` names: a folder, or `file:` URL. Rejects with `failed` for a scheme that this version
 * does not know. Nothing is read or made yet.
 */
export function openBlobStore(url: string): BlobStore {
  const scheme = /^([a-z0-9]+):\/\//.exec(url)?.[1];
  if (scheme === undefined) return createLocalStore(url);
  if (scheme === 'file') return createLocalStore(fileURLToPath(url));
  throw new StorageError('failed', `${scheme}:// is not a store that this version knows: give a folder`);
}
