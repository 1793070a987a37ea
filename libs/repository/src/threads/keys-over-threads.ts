import type { RepositoryKeys } from '../crypto/keys.ts';

/** A structured clone turns a Buffer into a plain Uint8Array: makes Buffers of them again. */
export function asKeys(cloned: RepositoryKeys): RepositoryKeys {
  return {
    repository_id: asBuffer(cloned.repository_id),
    object_key: asBuffer(cloned.object_key),
    config_key: asBuffer(cloned.config_key),
    slot_key: asBuffer(cloned.slot_key),
    chunk_id_key: asBuffer(cloned.chunk_id_key),
    gear_seed: asBuffer(cloned.gear_seed),
    tree_seed: asBuffer(cloned.tree_seed),
  };
}

/** The same memory as a Buffer. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
