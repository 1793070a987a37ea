import type { BlobStore } from '@holdfast/storage/blob-store';
import { FOOTER_SECTION, HEADER_BYTES, OBJECT_TYPE, readEnvelope } from '../crypto/envelope.ts';
import { chunkId, prefixOf, type RepositoryKeys, sha256 } from '../crypto/keys.ts';
import { damaged, reasonOf } from '../errors.ts';
import { releaseMemory } from '../release-memory.ts';
import { decode } from './codec.ts';
import { packName, readPackTrailer, TRAILER_BYTES } from './pack-name.ts';
import { type BlockInfo, decodePackTable, type PackTable } from './pack-table.ts';
import type { ChunkPlace } from './table-chunks.ts';

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
  const end = data.length - TRAILER_BYTES;
  const start = footerStart(name, end, data.subarray(end));
  return openFooter(keys, name, {
    start,
    header: data.subarray(0, HEADER_BYTES),
    sealed: data.subarray(start, end),
  });
}

/** The same with ranged gets: what lies between header and footer is not read. Rejects with `repo_damaged` or as the store. */
export async function readPackFooter(
  store: BlobStore,
  keys: RepositoryKeys,
  pack: { id: string; size: number },
): Promise<OpenedPack> {
  const name = packName(pack.id);
  if (pack.size < HEADER_BYTES + TRAILER_BYTES) throw damaged(`${name}: cut short`);
  const end = pack.size - TRAILER_BYTES;
  const header = await store.get(name, { offset: 0, length: HEADER_BYTES });
  const start = footerStart(name, end, await store.get(name, { offset: end, length: TRAILER_BYTES }));
  const sealed = await store.get(name, { offset: start, length: end - start });
  return openFooter(keys, name, { start, header, sealed });
}

function footerStart(name: string, end: number, trailer: Buffer): number {
  const start = end - readPackTrailer(name, trailer);
  if (start < HEADER_BYTES) throw damaged(`${name}: its footer is longer than itself`);
  return start;
}

function openFooter(
  keys: RepositoryKeys,
  name: string,
  footer: { start: number; header: Buffer; sealed: Buffer },
): OpenedPack {
  const { header } = footer;
  const envelope = readEnvelope(keys, { type: OBJECT_TYPE.pack, name }, header);
  const table_bytes = envelope.open(FOOTER_SECTION, footer.sealed);
  const table = decodePackTable(table_bytes);
  checkLayout(name, table, footer.start);
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
  /** Prefixes of the ids of chunks that cannot be had from it. */
  readonly prefixes: readonly Buffer[];
}

/** Opens every block of a pack, as its index names them, and recomputes every chunk's id, as far as the table has it; yields what is wrong. */
export function* verifyBlocks(
  keys: RepositoryKeys,
  pack: { id: string; header: Buffer; table: PackTable },
  data: Buffer,
): Generator<BlockDamage> {
  for (const block of openBlocks(keys, pack, data)) {
    const { number, chunks } = block;
    if ('problem' in block) {
      yield { problem: `block ${number}: ${block.problem}`, prefixes: chunks.map(({ prefix }) => prefix) };
      continue;
    }
    const wrong = chunks.filter((chunk) => wholeId(keys, chunk, block.raw) === undefined);
    const prefixes = wrong.map(({ prefix }) => prefix);
    if (wrong.length > 0) yield { problem: `block ${number}: not what its ids say`, prefixes };
  }
}

/** The chunks of a pack that are what their ids say, block by block: what can be saved of a damaged one. Each is gone with the next. */
export function* healthyChunks(
  keys: RepositoryKeys,
  pack: { id: string; header: Buffer; table: PackTable },
  data: Buffer,
): Generator<{ id: Buffer; data: Buffer }> {
  for (const block of openBlocks(keys, pack, data)) {
    if ('problem' in block) continue;
    for (const chunk of block.chunks) {
      const id = wholeId(keys, chunk, block.raw);
      if (id !== undefined) yield { id, data: block.raw.subarray(chunk.offset, chunk.offset + chunk.length) };
    }
  }
}

type OpenedBlock = { readonly number: number; readonly chunks: readonly ChunkPlace[] } & (
  | { readonly raw: Buffer }
  | { readonly problem: string }
);

function* openBlocks(
  keys: RepositoryKeys,
  pack: { id: string; header: Buffer; table: PackTable },
  data: Buffer,
): Generator<OpenedBlock> {
  const chunks_of = Map.groupBy(pack.table.chunks, ({ block }) => block);
  for (const [number, block] of pack.table.blocks.entries()) {
    const chunks = chunks_of.get(number) ?? [];
    try {
      const sealed = data.subarray(block.offset, block.offset + block.sealed_length);
      const raw = openBlock(keys, pack, { ...block, number, sealed });
      yield { number, chunks, raw };
      releaseMemory(raw);
    } catch (error) {
      yield { number, chunks, problem: reasonOf(error) };
    }
  }
}

/** The id of what lies in a chunk's place; undefined where it does not begin as the table says. */
function wholeId(
  keys: RepositoryKeys,
  { offset, length, prefix }: ChunkPlace,
  raw: Buffer,
): Buffer | undefined {
  const id = chunkId(keys, sha256(raw.subarray(offset, offset + length)));
  return prefixOf(id).equals(prefix) ? id : undefined;
}

function checkLayout(name: string, table: PackTable, footer_start: number): void {
  let expected = HEADER_BYTES;
  for (const block of table.blocks) {
    if (block.offset !== expected) throw damaged(`${name}: blocks do not follow each other`);
    expected += block.sealed_length;
  }
  if (expected !== footer_start) throw damaged(`${name}: bytes that belong to nothing`);
}
