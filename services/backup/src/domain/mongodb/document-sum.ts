import { createHash } from 'node:crypto';

/** Documents in any order as one number: equal for equal sets of documents, byte by byte. */
export interface DocumentSum {
  readonly documents: number;
  readonly sum: bigint;
}

export const NO_DOCUMENTS: DocumentSum = { documents: 0, sum: 0n };
const BITS = 128;
const MASK = (1n << BigInt(BITS)) - 1n;

/** The sum with these documents too. */
export function addDocuments({ documents, sum }: DocumentSum, added: Iterable<Uint8Array>): DocumentSum {
  let [count, total] = [documents, sum];
  for (const document of added) {
    const digest = createHash('sha256').update(document).digest();
    total += (digest.readBigUInt64LE(0) << 64n) | digest.readBigUInt64LE(8);
    count += 1;
  }
  return { documents: count, sum: total & MASK };
}

/** Both together. */
export function joinSums(one: DocumentSum, other: DocumentSum): DocumentSum {
  return { documents: one.documents + other.documents, sum: (one.sum + other.sum) & MASK };
}
