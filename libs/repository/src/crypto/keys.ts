import { hash, hkdfSync } from 'node:crypto';

/** The two secrets that a key slot wraps. `id_secret` may be shared by repositories that copy chunks to each other. */
export interface MasterSecrets {
  readonly master: Buffer;
  readonly id_secret: Buffer;
}

/** Every key that the engine uses, each for one purpose. May be handed to worker threads; never logged. */
export interface RepositoryKeys {
  /** 16 bytes, not secret. */
  readonly repository_id: Buffer;
  /** From it comes the data key of each object. */
  readonly object_key: Buffer;
  /** Authenticates the config object. */
  readonly config_key: Buffer;
  /** Authenticates key slots for whoever has the repository open. */
  readonly slot_key: Buffer;
  readonly chunk_id_key: Buffer;
  /** Where chunks are cut. */
  readonly gear_seed: Buffer;
  /** Where nodes of trees are cut. */
  readonly tree_seed: Buffer;
}

export const ID_BYTES = 32;
/**
 * So much of an id is enough to find a chunk: of 10^9 chunks two begin alike with a probability of 10^-21. Tables of packs
 * and the local index hold no more; what is read is held against the whole id.
 */
export const PREFIX_BYTES = 16;
export const SECRET_BYTES = 32;

/** One key of 32 bytes out of a secret, by HKDF-SHA256. */
export function deriveKey(secret: Uint8Array, salt: Uint8Array, use: string): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, salt, `holdfast/1 ${use}`, SECRET_BYTES));
}

/** All keys of a repository. */
export function deriveKeys(repository_id: Buffer, secrets: MasterSecrets): RepositoryKeys {
  const none = Buffer.alloc(0);
  return {
    repository_id,
    object_key: deriveKey(secrets.master, repository_id, 'object'),
    config_key: deriveKey(secrets.master, repository_id, 'config'),
    slot_key: deriveKey(secrets.master, repository_id, 'slot mac'),
    chunk_id_key: deriveKey(secrets.id_secret, none, 'chunk id'),
    gear_seed: deriveKey(secrets.id_secret, none, 'gear'),
    tree_seed: deriveKey(secrets.id_secret, none, 'tree'),
  };
}

/** SHA-256 in one call. By way of a string: a third of what a Buffer of its own for each result costs. */
export function sha256(data: Uint8Array): Buffer {
  return Buffer.from(hash('sha256', data, 'latin1'), 'latin1');
}

/** The first bytes of an id, or of a prefix itself: a view. */
export function prefixOf(id: Buffer): Buffer {
  return id.subarray(0, PREFIX_BYTES);
}

/** Id of a chunk: HMAC-SHA256 over the SHA-256 of its bytes, so that one pass gives small files their checksum too. */
export function chunkId(keys: RepositoryKeys, digest: Uint8Array): Buffer {
  const { inner, outer } = padsOf(keys);
  inner.set(digest, HMAC_BLOCK_BYTES);
  outer.set(sha256(inner), HMAC_BLOCK_BYTES);
  return sha256(outer);
}

const HMAC_BLOCK_BYTES = 64;
const pads = new WeakMap<RepositoryKeys, { inner: Buffer; outer: Buffer }>();

/** RFC 2104 by hand: an Hmac object a chunk costs several times what the hashing does. */
function padsOf(keys: RepositoryKeys): { inner: Buffer; outer: Buffer } {
  const known = pads.get(keys);
  if (known !== undefined) return known;
  const pad = (byte: number) => {
    const block = Buffer.alloc(HMAC_BLOCK_BYTES + SECRET_BYTES, byte);
    for (const [index, key_byte] of keys.chunk_id_key.entries()) block[index] = key_byte ^ byte;
    return block;
  };
  const made = { inner: pad(0x36), outer: pad(0x5c) };
  pads.set(keys, made);
  return made;
}
