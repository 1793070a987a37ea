import { randomBytes } from 'node:crypto';
import { type Envelope, FOOTER_SECTION, newEnvelope, OBJECT_TYPE, TAG_BYTES } from '../crypto/envelope.ts';
import type { RepositoryKeys } from '../crypto/keys.ts';
import { damaged } from '../errors.ts';
import { releaseMemory } from '../release-memory.ts';
import { ChunkRecords } from './chunk-records.ts';
import { decode, encode, looksIncompressible } from './codec.ts';
import { packName, packTrailer, TRAILER_BYTES } from './pack-name.ts';
import { encodePackTable, type NewBlock } from './pack-table.ts';

/** Nodes of trees lie apart from the bytes of files, in smaller blocks: they are read one at a time. */
export type ChunkKind = 'data' | 'node';
type BlockKind = ChunkKind | 'incompressible';

/** A pack as it goes to the store. */
export interface FinishedPack {
  /** 32 hex digits. */
  readonly id: string;
  readonly header: Buffer;
  /** Encoded PackTable. */
  readonly table: Buffer;
  /** In memory of its own, which may be handed to another thread. */
  readonly data: Buffer;
}

export interface PackWriterOptions {
  readonly compress: boolean;
  /** Of zstd; default: that of backups. */
  readonly level?: number | undefined;
  readonly on_pack: (pack: FinishedPack) => void;
  /** Memory of an earlier pack that is not needed any more; undefined: new memory is taken. */
  readonly takeMemory?: () => ArrayBuffer | undefined;
  /** A pack is finished once it holds this many bytes. */
  readonly pack_bytes?: number | undefined;
}

/** Each thread has one in the making and one under way: this is most of the memory that a backup takes. */
const PACK_BYTES = 16 * 1024 * 1024;
/** So many tiny chunks end a pack too: its table is read as one piece. */
const PACK_CHUNKS = 50_000;
const BLOCK_CHUNKS = 16_384;
/** A pack that is nearly full, the largest block after it, and a footer. */
const ROOM_BYTES = PACK_BYTES + (5 << 20);
const BLOCK_BYTES: Record<BlockKind, number> = { data: 1 << 20, node: 1 << 18, incompressible: 1 << 20 };

/** Of zstd. Nodes are a few bytes a file, most of them digests: 2 to 3 % smaller, for 1 % of the time of a backup. */
const NODE_LEVEL = 9;

interface OpenBlock {
  readonly kind: BlockKind;
  /** Room for what is gathered; memory is touched only as far as it is filled. */
  readonly raw: Buffer;
  readonly chunks: ChunkRecords;
  length: number;
}

interface OpenPack {
  readonly id: string;
  readonly envelope: Envelope;
  readonly blocks: NewBlock[];
  readonly chunks: ChunkRecords;
  /** The object as far as it is written. */
  data: Buffer;
  length: number;
}

/** Gathers chunks into blocks and blocks into packs. Synchronous: its work belongs in a worker unless it is small. */
export class PackWriter {
  readonly #keys: RepositoryKeys;
  readonly #options: PackWriterOptions;
  readonly #open_blocks = new Map<BlockKind, OpenBlock>();
  #pack: OpenPack | undefined;

  constructor(keys: RepositoryKeys, options: PackWriterOptions) {
    this.#keys = keys;
    this.#options = options;
  }

  /** Copies `data`: the caller may use its memory again. */
  add(id: Buffer, data: Buffer, chunk_kind: ChunkKind): void {
    const block = this.#blockFor(this.#blockKind(data, chunk_kind));
    const limit = BLOCK_BYTES[block.kind];
    if (block.length + data.length > limit) this.#closeBlock(block, block.raw.subarray(0, block.length));
    block.chunks.add(id, data.length);
    if (data.length >= limit) {
      this.#closeBlock(block, data);
      return;
    }
    data.copy(block.raw, block.length);
    block.length += data.length;
    const is_full = block.length >= limit || block.chunks.count >= BLOCK_CHUNKS;
    if (is_full) this.#closeBlock(block, block.raw.subarray(0, block.length));
  }

  /** Finishes the open blocks: what comes next lies in others. */
  endBlocks(): void {
    for (const block of this.#open_blocks.values())
      this.#closeBlock(block, block.raw.subarray(0, block.length));
  }

  /** Finishes whatever is open. */
  flush(): void {
    this.endBlocks();
    this.#closePack();
  }

  #blockFor(kind: BlockKind): OpenBlock {
    let block = this.#open_blocks.get(kind);
    if (block === undefined) {
      block = { kind, raw: Buffer.allocUnsafeSlow(BLOCK_BYTES[kind]), chunks: new ChunkRecords(), length: 0 };
      this.#open_blocks.set(kind, block);
    }
    return block;
  }

  #blockKind(data: Buffer, kind: ChunkKind): BlockKind {
    return kind === 'data' && this.#options.compress && looksIncompressible(data) ? 'incompressible' : kind;
  }

  #closeBlock(block: OpenBlock, raw: Buffer): void {
    if (block.chunks.count === 0) return;
    const pack = this.#pack ?? this.#newPack();
    const number = pack.blocks.length;
    const compress = this.#options.compress && block.kind !== 'incompressible';
    const level = this.#options.level ?? (block.kind === 'node' ? NODE_LEVEL : undefined);
    const { codec, data } = encode(raw, compress, level);
    makeRoom(pack, data.length + TAG_BYTES);
    const sealed_length = pack.envelope.sealInto(number, data, { target: pack.data, at: pack.length });
    const sealed = pack.data.subarray(pack.length, pack.length + sealed_length);
    if (data !== raw) releaseMemory(data);
    verifyBlock(pack, { number, codec, raw, sealed });
    const chunk_count = block.chunks.count;
    pack.blocks.push({ offset: pack.length, sealed_length, raw_length: raw.length, codec, chunk_count });
    pack.chunks.take(block.chunks);
    pack.length += sealed_length;
    block.length = 0;
    const is_full =
      pack.length >= (this.#options.pack_bytes ?? PACK_BYTES) || pack.chunks.count >= PACK_CHUNKS;
    if (is_full) this.#closePack();
  }

  #newPack(): OpenPack {
    const id = randomBytes(16).toString('hex');
    const envelope = newEnvelope(this.#keys, { type: OBJECT_TYPE.pack, name: packName(id) });
    const { header } = envelope;
    const memory = this.#options.takeMemory?.();
    const data = memory === undefined ? Buffer.allocUnsafeSlow(ROOM_BYTES) : Buffer.from(memory);
    header.copy(data);
    this.#pack = { id, envelope, blocks: [], chunks: new ChunkRecords(), data, length: header.length };
    return this.#pack;
  }

  #closePack(): void {
    const pack = this.#pack;
    if (pack === undefined) return;
    this.#pack = undefined;
    const table = encodePackTable(pack.blocks, pack.chunks);
    makeRoom(pack, table.length + TAG_BYTES + TRAILER_BYTES);
    const footer_length = pack.envelope.sealInto(FOOTER_SECTION, table, {
      target: pack.data,
      at: pack.length,
    });
    const trailer = packTrailer(footer_length);
    trailer.copy(pack.data, pack.length + footer_length);
    const data = pack.data.subarray(0, pack.length + footer_length + trailer.length);
    this.#options.on_pack({ id: pack.id, header: pack.envelope.header, table, data });
  }
}

/** More than a pack and the block that fills it need is rare: a footer of very many chunks. */
function makeRoom(pack: OpenPack, bytes: number): void {
  if (pack.length + bytes <= pack.data.length) return;
  const larger = Buffer.allocUnsafeSlow(pack.length + bytes + (1 << 20));
  pack.data.copy(larger, 0, 0, pack.length);
  pack.data = larger;
}

/** Decodes a block before its pack is final: a fault of compressor, cipher or memory must not become a stored chunk. */
function verifyBlock(
  pack: OpenPack,
  block: { number: number; codec: number; raw: Buffer; sealed: Buffer },
): void {
  const opened = pack.envelope.open(block.number, block.sealed);
  const again = decode(block.codec, opened, block.raw.length);
  if (!again.equals(block.raw))
    throw damaged('a block does not decode to what went into it: is the memory sound?');
  if (again !== opened) releaseMemory(again);
  releaseMemory(opened);
}
