import { type BlobStore, isStorageError } from '@holdfast/storage/blob-store';
import { chunkId, type RepositoryKeys, sha256 } from '../crypto/keys.ts';
import { damaged, fromStorage, isRepositoryError } from '../errors.ts';
import type { IndexCache } from '../index/index-cache.ts';
import type { ChunkLocation } from '../index/index-database.ts';
import { Lru } from '../lru.ts';
import { packName } from '../pack/pack-name.ts';
import { openBlock } from '../pack/pack-reader.ts';
import { releaseMemory } from '../release-memory.ts';

const CACHE_BYTES = 24 * 1024 * 1024;

export interface ChunkReaderParts {
  readonly store: BlobStore;
  readonly keys: RepositoryKeys;
  readonly index: IndexCache;
}

/** Reads chunks; blocks that were decoded last are kept. What it gives is what was stored: every id is recomputed. */
export class ChunkReader {
  readonly #parts: ChunkReaderParts;
  readonly #blocks = new Lru<Promise<Buffer>>(CACHE_BYTES);

  constructor(parts: ChunkReaderParts) {
    this.#parts = parts;
  }

  /** The bytes of a chunk, verified: a view that must not be changed. Rejects with `repo_damaged`. */
  async read(id: Buffer): Promise<Buffer> {
    try {
      return await this.#readAnywhere(id, await this.#parts.index.locate(id));
    } catch (error) {
      if (isStorageError(error, 'short'))
        throw damaged(`chunk ${id.toString('hex')}: its pack is cut short`, error);
      if (!isStorageError(error, 'not_found')) throw fromStorage(error);
      // Maintenance moved it since the index was read.
      await this.#parts.index.rebuild();
      return this.#readAnywhere(id, await this.#parts.index.locate(id)).catch((again: unknown) => {
        throw isStorageError(again, 'not_found')
          ? damaged(`chunk ${id.toString('hex')}: its pack is missing`, again)
          : fromStorage(again);
      });
    }
  }

  /** The first place that gives it back whole. */
  async #readAnywhere(id: Buffer, places: readonly ChunkLocation[]): Promise<Buffer> {
    let failure: unknown;
    for (const place of places) {
      try {
        return (await this.readAt(id, place)).data;
      } catch (error) {
        if (!isRepositoryError(error) && !isStorageError(error)) throw error;
        failure ??= error;
      }
    }
    throw failure;
  }

  /**
   * The bytes of a chunk from one of its places, verified by its id, or by the prefix of it that a table holds; and the
   * whole id. Rejects with `repo_damaged`, or as the store does.
   */
  async readAt(id_or_prefix: Buffer, place: ChunkLocation): Promise<{ id: Buffer; data: Buffer }> {
    const block = await this.block(place);
    const data = block.subarray(place.offset, place.offset + place.length);
    const id = chunkId(this.#parts.keys, sha256(data));
    if (!id.subarray(0, id_or_prefix.length).equals(id_or_prefix)) {
      const name = id_or_prefix.toString('hex');
      throw damaged(`chunk ${name} is not what its id says (${packName(place.pack)})`);
    }
    return { id, data };
  }

  /** The raw bytes of a whole block. */
  block(place: ChunkLocation): Promise<Buffer> {
    const key = `${place.pack}/${place.block}`;
    const cached = this.#blocks.get(key);
    if (cached !== undefined) return cached;
    const loading = this.#loadBlock(place);
    this.#blocks.set(key, loading, place.raw_length);
    loading.catch(() => this.#blocks.delete(key));
    return loading;
  }

  async #loadBlock(place: ChunkLocation): Promise<Buffer> {
    const sealed = await this.#parts.store.get(packName(place.pack), {
      offset: place.block_offset,
      length: place.sealed_length,
    });
    const { sealed_length, raw_length, codec } = place;
    const raw = openBlock(
      this.#parts.keys,
      { id: place.pack, header: place.pack_header },
      { offset: place.block_offset, sealed_length, raw_length, codec, number: place.block, sealed },
    );
    releaseMemory(sealed);
    return raw;
  }
}
