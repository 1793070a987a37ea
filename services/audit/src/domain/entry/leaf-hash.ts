import { createHash } from 'node:crypto';

const LEAF_PREFIX = Uint8Array.of(0);

/** The RFC 6962 leaf hash of an entry: SHA-256(0x00 || bytes). */
export function leafHash(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(LEAF_PREFIX).update(bytes).digest();
}
