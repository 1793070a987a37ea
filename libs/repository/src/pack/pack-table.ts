import { ByteReader, ByteWriter } from '../bytes.ts';
import { ID_BYTES } from '../crypto/keys.ts';
import { damaged } from '../errors.ts';
import { type ChunkRecords, RECORD_BYTES } from './chunk-records.ts';

/** One sealed block of a pack. */
export interface BlockInfo {
  /** Where its ciphertext starts in the pack, and its length with the tag. */
  readonly offset: number;
  readonly sealed_length: number;
  readonly raw_length: number;
  readonly codec: number;
}

/** Where a chunk lies in the raw bytes of a block. */
export interface ChunkPlace {
  readonly id: Buffer;
  /** Number of the block in its pack, from 0. */
  readonly block: number;
  readonly offset: number;
  readonly length: number;
}

/** What a pack holds: the content of its footer, and its part of an index object. */
export interface PackTable {
  readonly blocks: readonly BlockInfo[];
  readonly chunks: readonly ChunkPlace[];
}

/** The footer of a pack before it is sealed: its blocks, then its chunks. */
export function encodePackTable(blocks: readonly BlockInfo[], chunks: ChunkRecords): Buffer {
  const writer = new ByteWriter(16 + blocks.length * 13 + chunks.count * RECORD_BYTES);
  writer.u32(blocks.length);
  for (const block of blocks) {
    writer.u32(block.offset).u32(block.sealed_length).u32(block.raw_length).u8(block.codec);
  }
  return writer.u32(chunks.count).raw(chunks.sorted()).finish();
}

/** Throws `repo_damaged` where a chunk lies outside its block. */
export function decodePackTable(data: Buffer): PackTable {
  const { blocks, chunks } = readPackTable(data);
  return { blocks, chunks: [...chunks] };
}

/** The same with one chunk at a time: a pack of small files has tens of thousands. */
export function readPackTable(data: Buffer): { blocks: BlockInfo[]; chunks: Iterable<ChunkPlace> } {
  const reader = new ByteReader(data);
  const blocks = Array.from({ length: reader.u32() }, () => ({
    offset: reader.u32(),
    sealed_length: reader.u32(),
    raw_length: reader.u32(),
    codec: reader.u8(),
  }));
  return { blocks, chunks: readChunks(reader, blocks) };
}

function* readChunks(reader: ByteReader, blocks: readonly BlockInfo[]): Generator<ChunkPlace> {
  for (let left = reader.u32(); left > 0; left -= 1) {
    const id = reader.raw(ID_BYTES);
    const chunk = { id, block: reader.u32(), offset: reader.u32(), length: reader.u32() };
    const block = blocks[chunk.block];
    if (block === undefined || chunk.offset + chunk.length > block.raw_length) {
      throw damaged('a pack table names a chunk outside its block');
    }
    yield chunk;
  }
}
