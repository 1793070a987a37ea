import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type ChunkSizes, createChunker } from './fastcdc.ts';

const SIZES: ChunkSizes = { min: 64, average: 256, max: 1024 };
const seed = Buffer.alloc(32, 3);

function cutAll(data: Buffer, with_seed: Buffer = seed): Buffer[] {
  const chunker = createChunker(with_seed, SIZES);
  const chunks: Buffer[] = [];
  for (let at = 0; at < data.length; ) {
    const length = chunker.cut(data, at, data.length);
    chunks.push(data.subarray(at, at + length));
    at += length;
  }
  return chunks;
}

/** Bytes without a pattern, the same for the same number. */
function noise(number: number, length: number): Buffer {
  let state = number * 2 + 1;
  return Buffer.from(
    Array.from({ length }, () => {
      state = Math.imul(state ^ (state >>> 15), 0x2c1b_3c6d) + 0x9e37_79b9;
      return (state >>> 16) & 0xff;
    }),
  );
}

describe('a chunker', () => {
  test('cuts all bytes into chunks within its bounds', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 8000 }), (bytes) => {
        const data = Buffer.from(bytes);
        const chunks = cutAll(data);
        expect(Buffer.concat(chunks).equals(data)).toBe(true);
        expect(chunks.every((chunk) => chunk.length <= SIZES.max)).toBe(true);
        expect(chunks.slice(0, -1).every((chunk) => chunk.length >= SIZES.min)).toBe(true);
      }),
    );
  });

  test('finds the same boundaries again behind an insertion', () => {
    fc.assert(
      fc.property(
        fc.nat(10_000),
        fc.nat(30_000),
        fc.uint8Array({ minLength: 1, maxLength: 50 }),
        (number, at, piece) => {
          const data = noise(number, 60_000);
          const edited = Buffer.concat([data.subarray(0, at), piece, data.subarray(at)]);
          const before = new Set(cutAll(data).map((chunk) => chunk.toString('latin1')));
          const fresh = cutAll(edited).filter((chunk) => !before.has(chunk.toString('latin1')));
          // Of some 230 chunks only those around the insertion are new.
          expect(fresh.length).toBeLessThanOrEqual(20);
        },
      ),
      { numRuns: 50 },
    );
  });

  test('gathers sizes around the average', () => {
    const chunks = cutAll(noise(1, 400_000));
    const average = 400_000 / chunks.length;
    expect(average).toBeGreaterThan(SIZES.average * 0.7);
    expect(average).toBeLessThan(SIZES.average * 1.4);
  });

  test('cuts elsewhere under another seed', () => {
    const data = noise(2, 60_000);
    const lengths = (with_seed: Buffer) => cutAll(data, with_seed).map((chunk) => chunk.length);
    expect(lengths(Buffer.alloc(32, 4))).not.toEqual(lengths(seed));
  });
});
