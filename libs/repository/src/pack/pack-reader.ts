import { FOOTER_SECTION, HEADER_BYTES, OBJECT_TYPE, readEnvelope } from '../crypto/envelope.ts';
import { chunkId, type RepositoryKeys, sha256 } from '../crypto/keys.ts';
import { damaged, reasonOf } from '../errors.ts';
import { releaseMemory } from '../release-memory.ts';
import { decode } from './codec.ts';
import { packName, readPackTrailer, TRAILER_BYTES } from './pack-name.ts';
import { type BlockInfo, decodePackTable, type PackTable } from './pack-table.ts';

/** A pack whose table was read from its own footer. */
export interface OpenedPack {
  readonly header: Buffer;
  readonly table: PackTable;
  readonly table_bytes: Buffer;
}

/** Reads the footer of a whole pack; throws `repo_damaged`. */
export function openPack(keys: RepositoryKeys, id: string, data: Buffer): OpenedPack {
  const name = packName(id);
  if (data.length < HEADER_BYTES + TRAILER_BYTES) throw damaged(`${name}: cut short`);
  const header = data.subarray(0, HEADER_BYTES);
  const envelope = readEnvelope(keys, { type: OBJECT_TYPE.pack, name }, header);
  const footer_end = data.length - TRAILER_BYTES;
  const footer_start = footer_end - readPackTrailer(name, data.subarray(footer_end));
  if (footer_start < HEADER_BYTES) throw damaged(`${name}: its footer is longer than itself`);
  const table_bytes = envelope.open(FOOTER_SECTION, data.subarray(footer_start, footer_end));
  const table = decodePackTable(table_bytes);
  checkLayout(name, table, footer_start);
  return { header, table, table_bytes };
}

/** Opens and decodes one sealed block, given the header of its pack; throws `repo_damaged`. */
export function openBlock(
  keys: RepositoryKeys,
  pack: { id: string; header: Buffer },
  block: BlockInfo & { number: number; sealed: Buffer },
): Buffer {
  const envelope = readEnvelope(keys, { type: OBJECT_TYPE.pack, name: packName(pack.id) }, pack.header);
  const plain = envelope.open(block.number, block.sealed);
  const raw = decode(block.codec, plain, block.raw_length);
  if (raw !== plain) releaseMemory(plain);
  return raw;
}

export interface BlockDamage {
  readonly problem: string;
  /** Hex ids of the chunks that cannot be had from it. */
  readonly chunks: readonly string[];
}

/** Opens every block of a pack, as its index names them, and recomputes every chunk's id; yields what is wrong. */
export function* verifyBlocks(
  keys: RepositoryKeys,
  pack: { id: string; header: Buffer; table: PackTable },
  data: Buffer,
): Generator<BlockDamage | undefined> {
  const chunks_of = Map.groupBy(pack.table.chunks, ({ block }) => block);
  for (const [number, block] of pack.table.blocks.entries()) {
    const chunks = chunks_of.get(number) ?? [];
    try {
      const sealed = data.subarray(block.offset, block.offset + block.sealed_length);
      const raw = openBlock(keys, pack, { ...block, number, sealed });
      const wrong = chunks.filter((chunk) => {
        const bytes = raw.subarray(chunk.offset, chunk.offset + chunk.length);
        return !chunkId(keys, sha256(bytes)).equals(chunk.id);
      });
      if (wrong.length > 0)
        yield { problem: `block ${number}: not what its ids say`, chunks: wrong.map(hexId) };
      // So that the caller can give way between blocks.
      yield undefined;
    } catch (error) {
      yield { problem: `block ${number}: ${reasonOf(error)}`, chunks: chunks.map(hexId) };
    }
  }
}

function checkLayout(name: string, table: PackTable, footer_start: number): void {
  let expected = HEADER_BYTES;
  for (const block of table.blocks) {
    if (block.offset !== expected) throw damaged(`${name}: blocks do not follow each other`);
    expected += block.sealed_length;
  }
  if (expected !== footer_start) throw damaged(`${name}: bytes that belong to nothing`);
}

const hexId = (chunk: { id: Buffer }) => chunk.id.toString('hex');
