import { randomBytes } from 'node:crypto';
import { type Envelope, FOOTER_SECTION, newEnvelope, OBJECT_TYPE } from '../crypto/envelope.ts';
import type { RepositoryKeys } from '../crypto/keys.ts';
import { damaged } from '../errors.ts';
import { decode, encode, looksIncompressible } from './codec.ts';
import { packName, packTrailer } from './pack-name.ts';
import { type BlockInfo, type ChunkPlace, encodePackTable } from './pack-table.ts';

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
  readonly data: Buffer;
}

export interface PackWriterOptions {
  readonly compress: boolean;
  /** Of zstd; default: that of backups. */
  readonly level?: number;
  readonly on_pack: (pack: FinishedPack) => void;
  /** A pack is finished once it holds this many bytes. */
  readonly pack_bytes?: number;
}

const PACK_BYTES = 32 * 1024 * 1024;
/** So many tiny chunks end a pack too: its table is read as one piece. */
const PACK_CHUNKS = 50_000;
const BLOCK_BYTES: Record<BlockKind, number> = { data: 1 << 20, node: 1 << 18, incompressible: 1 << 20 };

interface OpenBlock {
  readonly kind: BlockKind;
  readonly pieces: Buffer[];
  readonly chunks: { id: Buffer; offset: number; length: number }[];
  length: number;
}

interface OpenPack {
  readonly id: string;
  readonly envelope: Envelope;
  readonly pieces: Buffer[];
  readonly blocks: BlockInfo[];
  readonly chunks: ChunkPlace[];
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

  /** Takes over `data`: it must not change any more. */
  add(id: Buffer, data: Buffer, chunk_kind: ChunkKind): void {
    const kind = this.#blockKind(data, chunk_kind);
    const limit = BLOCK_BYTES[kind];
    const open = this.#open_blocks.get(kind);
    if (open !== undefined && open.length + data.length > limit) this.#closeBlock(open);
    const block = this.#open_blocks.get(kind) ?? { kind, pieces: [], chunks: [], length: 0 };
    block.chunks.push({ id, offset: block.length, length: data.length });
    block.pieces.push(data);
    block.length += data.length;
    this.#open_blocks.set(kind, block);
    if (block.length >= limit) this.#closeBlock(block);
  }

  /** Finishes the open blocks: what comes next lies in others. */
  endBlocks(): void {
    for (const block of [...this.#open_blocks.values()]) this.#closeBlock(block);
  }

  /** Finishes whatever is open. */
  flush(): void {
    this.endBlocks();
    this.#closePack();
  }

  #blockKind(data: Buffer, kind: ChunkKind): BlockKind {
    return kind === 'data' && this.#options.compress && looksIncompressible(data) ? 'incompressible' : kind;
  }

  #closeBlock(block: OpenBlock): void {
    this.#open_blocks.delete(block.kind);
    const pack = this.#pack ?? this.#newPack();
    const number = pack.blocks.length;
    const raw = block.pieces.length === 1 ? (block.pieces[0] as Buffer) : Buffer.concat(block.pieces);
    const { codec, data } = encode(
      raw,
      this.#options.compress && block.kind !== 'incompressible',
      this.#options.level,
    );
    const sealed = pack.envelope.seal(number, data);
    verifyBlock(pack, { number, codec, raw, sealed });
    pack.blocks.push({ offset: pack.length, sealed_length: sealed.length, raw_length: raw.length, codec });
    for (const chunk of block.chunks) pack.chunks.push({ ...chunk, block: number });
    pack.pieces.push(sealed);
    pack.length += sealed.length;
    const is_full =
      pack.length >= (this.#options.pack_bytes ?? PACK_BYTES) || pack.chunks.length >= PACK_CHUNKS;
    if (is_full) this.#closePack();
  }

  #newPack(): OpenPack {
    const id = randomBytes(16).toString('hex');
    const envelope = newEnvelope(this.#keys, { type: OBJECT_TYPE.pack, name: packName(id) });
    const { header } = envelope;
    this.#pack = { id, envelope, pieces: [header], blocks: [], chunks: [], length: header.length };
    return this.#pack;
  }

  #closePack(): void {
    const pack = this.#pack;
    if (pack === undefined) return;
    this.#pack = undefined;
    // In order of ids, so that whoever puts them into a sorted index touches its pages one after the other.
    pack.chunks.sort((one, other) => one.id.compare(other.id));
    const table = encodePackTable(pack);
    const footer = pack.envelope.seal(FOOTER_SECTION, table);
    const data = concatUnpooled([...pack.pieces, footer, packTrailer(footer.length)]);
    this.#options.on_pack({ id: pack.id, header: pack.envelope.header, table, data });
  }
}

/** Decodes a block before its pack is final: a fault of compressor, cipher or memory must not become a stored chunk. */
function verifyBlock(
  pack: OpenPack,
  block: { number: number; codec: number; raw: Buffer; sealed: Buffer },
): void {
  const again = decode(block.codec, pack.envelope.open(block.number, block.sealed), block.raw.length);
  if (!again.equals(block.raw))
    throw damaged('a block does not decode to what went into it: is the memory sound?');
}

/** In memory of its own, so that it can be handed to another thread without a copy. */
function concatUnpooled(pieces: readonly Buffer[]): Buffer {
  const whole = Buffer.allocUnsafeSlow(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) at += piece.copy(whole, at);
  return whole;
}
