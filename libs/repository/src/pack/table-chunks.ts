import { PREFIX_BYTES } from '../crypto/keys.ts';

/** Where a chunk lies in the raw bytes of a block. */
export interface ChunkPlace {
  /** The first 16 bytes of its id: enough to find it. What has the place and needs all of the id recomputes it. */
  readonly prefix: Buffer;
  /** Number of the block in its pack, from 0. */
  readonly block: number;
  readonly offset: number;
  readonly length: number;
}

/** A key to sort by is the first 32 bits of a prefix and the number of its chunk: together exact as a double. */
const NUMBER_LIMIT = 2 ** 21;

/** The chunks of a pack table in flat arrays: a pack of small files has tens of thousands. In the order of the table. */
export class TableChunks implements Iterable<ChunkPlace> {
  readonly count: number;
  /** To be filled by whoever reads a table; in this order of chunks. */
  readonly prefixes: Buffer;
  readonly blocks: Uint32Array;
  readonly offsets: Uint32Array;
  readonly lengths: Uint32Array;

  constructor(count: number) {
    this.count = count;
    this.prefixes = Buffer.allocUnsafeSlow(count * PREFIX_BYTES);
    this.blocks = new Uint32Array(count);
    this.offsets = new Uint32Array(count);
    this.lengths = new Uint32Array(count);
  }

  *[Symbol.iterator](): Generator<ChunkPlace> {
    for (let index = 0; index < this.count; index += 1) yield this.#at(index);
  }

  /**
   * The same in order of the first bits of their prefixes, so that whoever puts them into a sorted index touches its
   * pages one after the other.
   */
  *inOrder(): Generator<ChunkPlace> {
    // No pack of ours has so many: the order saves time and nothing else.
    if (this.count > NUMBER_LIMIT) yield* this;
    else for (const key of this.#sortedKeys()) yield this.#at(key % NUMBER_LIMIT);
  }

  #sortedKeys(): Float64Array {
    const keys = new Float64Array(this.count);
    for (let index = 0; index < this.count; index += 1) {
      keys[index] = this.prefixes.readUInt32BE(index * PREFIX_BYTES) * NUMBER_LIMIT + index;
    }
    return keys.sort();
  }

  #at(index: number): ChunkPlace {
    const at = index * PREFIX_BYTES;
    return {
      prefix: this.prefixes.subarray(at, at + PREFIX_BYTES),
      block: this.blocks[index] as number,
      offset: this.offsets[index] as number,
      length: this.lengths[index] as number,
    };
  }
}
