import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ByteWriter } from '../bytes.ts';
import { ChunkRecords } from './chunk-records.ts';
import { decodePackTable, encodePackTable, type NewBlock, readPackTable } from './pack-table.ts';
import type { ChunkPlace } from './table-chunks.ts';

interface Made {
  readonly blocks: readonly NewBlock[];
  readonly chunks: readonly { id: Buffer; place: ChunkPlace }[];
  readonly encoded: Buffer;
}

const ids = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes));
const pieces = fc.array(fc.record({ id: ids, length: fc.nat(5_000_000) }), { minLength: 1, maxLength: 20 });
const contents = fc.array(fc.record({ sealed_length: fc.nat(6_000_000), codec: fc.nat(1), pieces }));

/** As a pack writer does it: each block gathers its chunks, and hands them over. */
function make(
  content: readonly { sealed_length: number; codec: number; pieces: { id: Buffer; length: number }[] }[],
): Made {
  const records = new ChunkRecords();
  const of_block = new ChunkRecords();
  const blocks: NewBlock[] = [];
  const chunks: { id: Buffer; place: ChunkPlace }[] = [];
  let start = 40;
  for (const [block, { sealed_length, codec, pieces: of }] of content.entries()) {
    let offset = 0;
    for (const { id, length } of of) {
      of_block.add(id, length);
      chunks.push({ id, place: { prefix: id.subarray(0, 16), block, offset, length } });
      offset += length;
    }
    blocks.push({ offset: start, sealed_length, raw_length: offset, codec, chunk_count: of.length });
    records.take(of_block);
    expect(of_block.count).toBe(0);
    start += sealed_length;
  }
  return { blocks, chunks, encoded: encodePackTable(blocks, records) };
}

/** What writers made once. */
function encodeAsOnce({ blocks, chunks }: Made): Buffer {
  const writer = new ByteWriter().u32(blocks.length);
  for (const block of blocks) {
    writer.u32(block.offset).u32(block.sealed_length).u32(block.raw_length).u8(block.codec);
  }
  writer.u32(chunks.length);
  for (const { id, place } of chunks) writer.raw(id).u32(place.block).u32(place.offset).u32(place.length);
  return writer.finish();
}

const plain = ({ prefix, ...place }: ChunkPlace) => ({ prefix: prefix.toString('hex'), ...place });

describe('a pack table', () => {
  test('comes back as it was made, whether it was encoded now or once', () => {
    const property = fc.property(contents, (content) => {
      const made = make(content);
      const blocks = made.blocks.map(({ chunk_count: _, ...block }) => block);
      for (const encoded of [made.encoded, encodeAsOnce(made)]) {
        const table = decodePackTable(encoded);
        expect(
          table.blocks.map(({ offset, sealed_length, raw_length, codec }) => ({
            offset,
            sealed_length,
            raw_length,
            codec,
          })),
        ).toEqual(blocks);
        expect(table.chunks.map(plain)).toEqual(made.chunks.map(({ place }) => plain(place)));
        const ordered = [...readPackTable(encoded).chunks.inOrder()].map(plain);
        const firstBits = ({ prefix }: { prefix: string }) => prefix.slice(0, 8);
        expect(ordered.map(firstBits)).toEqual(table.chunks.map(plain).map(firstBits).sort());
        expect(new Set(ordered.map((place) => JSON.stringify(place)))).toEqual(
          new Set(table.chunks.map(plain).map((place) => JSON.stringify(place))),
        );
      }
    });
    fc.assert(property, { numRuns: 100, verbose: 1 });
  });

  test('takes 16 bytes and the length for a chunk', () => {
    const id = Buffer.alloc(32, 7);
    const small = Array.from({ length: 1000 }, () => ({ id, length: 2400 }));
    const { encoded } = make([{ sealed_length: 500_000, codec: 1, pieces: small }]);
    expect(encoded.length).toBeLessThan(1000 * 18 + 24);
  });

  test('that is cut short or says what cannot be is refused', () => {
    const id = Buffer.alloc(32, 7);
    const made = make([
      {
        sealed_length: 100,
        codec: 0,
        pieces: [
          { id, length: 60 },
          { id, length: 24 },
        ],
      },
    ]);
    for (const encoded of [made.encoded, encodeAsOnce(made)]) {
      for (let length = 0; length < encoded.length; length += 1) {
        expect(() => decodePackTable(encoded.subarray(0, length))).toThrow();
      }
    }
    const of_the_future = Buffer.from(made.encoded);
    of_the_future[4] = 3;
    expect(() => decodePackTable(of_the_future)).toThrow('version 3, which is not known');
    const longer = Buffer.from(made.encoded);
    const at = longer.indexOf(24, 10);
    longer[at] = 25;
    expect(() => decodePackTable(longer)).toThrow('do not fill their block');
    const outside = encodeAsOnce(made);
    outside.writeUInt32LE(25, outside.length - 4);
    expect(() => decodePackTable(outside)).toThrow('outside its block');
  });
});
