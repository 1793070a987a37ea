import { ByteReader, ByteWriter } from '../bytes.ts';
import { HEADER_BYTES } from '../crypto/envelope.ts';
import { ID_BYTES, PREFIX_BYTES } from '../crypto/keys.ts';
import { damaged, RepositoryError } from '../errors.ts';
import type { ChunkRecords } from './chunk-records.ts';
import { type ChunkPlace, TableChunks } from './table-chunks.ts';

/** One sealed block of a pack. */
export interface BlockInfo {
  /** Where its ciphertext starts in the pack, and its length with the tag. */
  readonly offset: number;
  readonly sealed_length: number;
  readonly raw_length: number;
  readonly codec: number;
}

/** A block that was just sealed, with how many chunks it is made of. */
export interface NewBlock extends BlockInfo {
  readonly chunk_count: number;
}

/** What a pack holds: the content of its footer, and its part of an index object. */
export interface PackTable {
  readonly blocks: readonly BlockInfo[];
  readonly chunks: readonly ChunkPlace[];
}

/** In the first encoding the number of blocks stands here. */
const NO_BLOCK_COUNT = 0xffff_ffff;
const COMPACT_VERSION = 2;
const BLOCK_BYTES_MAX = 16;
const LENGTH_BYTES_MAX = 5;

/** The footer of a pack before it is sealed: its blocks, then its chunks as they lie in them. */
export function encodePackTable(blocks: readonly NewBlock[], chunks: ChunkRecords): Buffer {
  const room = 16 + blocks.length * BLOCK_BYTES_MAX + chunks.count * (PREFIX_BYTES + LENGTH_BYTES_MAX);
  const writer = new ByteWriter(room).u32(NO_BLOCK_COUNT).u8(COMPACT_VERSION).varint(blocks.length);
  for (const { sealed_length, raw_length, codec, chunk_count } of blocks) {
    writer.varint(sealed_length).varint(raw_length).u8(codec).varint(chunk_count);
  }
  for (const length of chunks.lengths()) writer.varint(length);
  return writer.raw(chunks.prefixes()).finish();
}

/** Throws `repo_damaged` where chunks and blocks do not fit, `repo_unsupported` for an encoding that is not known. */
export function decodePackTable(data: Buffer): PackTable {
  const { blocks, chunks } = readPackTable(data);
  return { blocks, chunks: [...chunks] };
}

/** The same without an object for each chunk. */
export function readPackTable(data: Buffer): { blocks: BlockInfo[]; chunks: TableChunks } {
  const reader = new ByteReader(data);
  const first = reader.u32();
  if (first !== NO_BLOCK_COUNT) return readFirstEncoding(reader, first);
  const version = reader.u8();
  if (version !== COMPACT_VERSION) {
    throw new RepositoryError('repo_unsupported', `a pack table of version ${version}, which is not known`);
  }
  return readCompact(reader);
}

function readCompact(reader: ByteReader): { blocks: BlockInfo[]; chunks: TableChunks } {
  let offset = HEADER_BYTES;
  const blocks = Array.from({ length: reader.varint() }, (): NewBlock => {
    const [sealed_length, raw_length, codec] = [reader.varint(), reader.varint(), reader.u8()];
    offset += sealed_length;
    return { offset: offset - sealed_length, sealed_length, raw_length, codec, chunk_count: reader.varint() };
  });
  const count = blocks.reduce((sum, { chunk_count }) => sum + chunk_count, 0);
  if (count * PREFIX_BYTES > reader.left) throw damaged('a pack table is cut short');
  const chunks = new TableChunks(count);
  let index = 0;
  for (const [number, block] of blocks.entries()) {
    let at = 0;
    for (const end = index + block.chunk_count; index < end; index += 1) {
      chunks.blocks[index] = number;
      chunks.offsets[index] = at;
      chunks.lengths[index] = reader.varint();
      at += chunks.lengths[index] as number;
    }
    if (at !== block.raw_length) throw damaged('a pack table names chunks that do not fill their block');
  }
  reader.raw(count * PREFIX_BYTES).copy(chunks.prefixes);
  return { blocks, chunks };
}

/** What was written once: full ids in order, each with its place. */
function readFirstEncoding(
  reader: ByteReader,
  block_count: number,
): { blocks: BlockInfo[]; chunks: TableChunks } {
  const blocks = Array.from({ length: block_count }, () => ({
    offset: reader.u32(),
    sealed_length: reader.u32(),
    raw_length: reader.u32(),
    codec: reader.u8(),
  }));
  const count = reader.u32();
  if (count * ID_BYTES > reader.left) throw damaged('a pack table is cut short');
  const chunks = new TableChunks(count);
  for (let index = 0; index < count; index += 1) {
    reader.raw(ID_BYTES).copy(chunks.prefixes, index * PREFIX_BYTES, 0, PREFIX_BYTES);
    const [block, offset, length] = [reader.u32(), reader.u32(), reader.u32()];
    if (offset + length > (blocks[block]?.raw_length ?? -1)) {
      throw damaged('a pack table names a chunk outside its block');
    }
    chunks.blocks[index] = block;
    chunks.offsets[index] = offset;
    chunks.lengths[index] = length;
  }
  return { blocks, chunks };
}
