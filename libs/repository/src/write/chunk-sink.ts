import { chunkId, type RepositoryKeys, sha256 } from '../crypto/keys.ts';
import type { KnownChunks } from '../index/index-database.ts';
import { type ChunkKind, type FinishedPack, PackWriter } from '../pack/pack-writer.ts';
import type { ClaimTable } from './claim-table.ts';

export interface StoredChunk {
  readonly id: Buffer;
  /** SHA-256 of the bytes. */
  readonly digest: Buffer;
}

export interface ChunkSinkParts {
  readonly keys: RepositoryKeys;
  readonly index: KnownChunks;
  readonly claims: ClaimTable;
  readonly compress: boolean;
  /** Of zstd; default: that of backups. */
  readonly level?: number | undefined;
  /** Of a pack; default: that of backups. */
  readonly pack_bytes?: number | undefined;
  readonly on_pack: (pack: FinishedPack) => void;
  /** Memory of a pack that is stored, to be used again. */
  readonly takeMemory?: () => ArrayBuffer | undefined;
}

/** Where chunks go: only those that the repository does not have are packed. One for each thread. */
export class ChunkSink {
  readonly #parts: ChunkSinkParts;
  readonly #writer: PackWriter;

  constructor(parts: ChunkSinkParts) {
    this.#parts = parts;
    this.#writer = new PackWriter(parts.keys, parts);
  }

  /** Copies what it keeps of `data`. */
  add(data: Buffer, kind: ChunkKind): StoredChunk {
    const digest = sha256(data);
    const id = chunkId(this.#parts.keys, digest);
    if (!this.#parts.index.has(id) && this.#parts.claims.claim(id)) this.#writer.add(id, data, kind);
    return { id, digest };
  }

  /** Finishes the open pack, whatever is in it. */
  flush(): void {
    this.#writer.flush();
  }
}
