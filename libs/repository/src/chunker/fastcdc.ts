/**
 * FastCDC (Xia et al., 2016) with normalised cuts: a boundary depends on the 32 bytes before it and on a secret
 * gear table, so that an insertion moves only the boundaries beside it.
 */
import { createCipheriv } from 'node:crypto';

export interface ChunkSizes {
  readonly min: number;
  readonly average: number;
  readonly max: number;
}

export const CHUNK_SIZES: ChunkSizes = { min: 256 * 1024, average: 1024 * 1024, max: 4 * 1024 * 1024 };

/** Harder before the average, easier after it: sizes gather around it. */
const NORMALISATION_BITS = 1;

export interface Chunker {
  /**
   * Length of the first chunk of `data` from `start` to `end`. Where `end` is not the end of the content, at least
   * `max` bytes must be there.
   */
  cut(data: Uint8Array, start: number, end: number): number;
}

/** 256 numbers of 32 bits from a seed of 32 bytes: AES-256-CTR over zeros. */
function gearTable(seed: Buffer): Int32Array {
  const stream = createCipheriv('aes-256-ctr', seed, Buffer.alloc(16)).update(Buffer.alloc(1024));
  return Int32Array.from({ length: 256 }, (_, index) => stream.readInt32LE(index * 4));
}

/** A chunker for this repository: `average` is a power of two. */
export function createChunker(seed: Buffer, sizes: ChunkSizes = CHUNK_SIZES): Chunker {
  const gear = gearTable(seed);
  const bits = Math.log2(sizes.average - sizes.min);
  const mask_hard = topBits(Math.round(bits) + NORMALISATION_BITS);
  const mask_easy = topBits(Math.round(bits) - NORMALISATION_BITS);

  const cut = (data: Uint8Array, start: number, end: number): number => {
    const length = Math.min(end - start, sizes.max);
    if (length <= sizes.min) return length;
    const middle = start + Math.min(sizes.average, length);
    const stop = start + length;
    let fingerprint = 0;
    let at = start + sizes.min;
    for (; at < middle; at += 1) {
      fingerprint = ((fingerprint << 1) + (gear[data[at] as number] as number)) | 0;
      if ((fingerprint & mask_hard) === 0) return at + 1 - start;
    }
    for (; at < stop; at += 1) {
      fingerprint = ((fingerprint << 1) + (gear[data[at] as number] as number)) | 0;
      if ((fingerprint & mask_easy) === 0) return at + 1 - start;
    }
    return length;
  };
  return { cut };
}

/** The highest bits: they depend on the most bytes. */
function topBits(count: number): number {
  return (0xffff_ffff << (32 - count)) | 0;
}
