import { ID_BYTES } from '../crypto/keys.ts';

/** As a pack table has them: id, block, offset in the block, length. */
export const RECORD_BYTES = ID_BYTES + 12;
const FIRST_RECORDS = 256;
/** A key to sort by is the first 32 bits of an id and the number of its record: together exact as a double. */
const NUMBER_BITS = 20;
/** No more fit into one pack. */
export const RECORDS_MAX = 2 ** NUMBER_BITS;

/** Chunks of a block or of a pack, one record after the other: no object for each of them. */
export class ChunkRecords {
  count = 0;
  #bytes = Buffer.allocUnsafeSlow(FIRST_RECORDS * RECORD_BYTES);

  /** The block is named when the records are moved into their pack. */
  add(id: Uint8Array, offset: number, length: number): void {
    const at = this.#makeRoom(1);
    this.#bytes.set(id, at);
    this.#bytes.writeUInt32LE(offset, at + ID_BYTES + 4);
    this.#bytes.writeUInt32LE(length, at + ID_BYTES + 8);
    this.count += 1;
  }

  /** Adds the chunks of a block that was given its number, and empties them. */
  take(block: ChunkRecords, number: number): void {
    const at = this.#makeRoom(block.count);
    block.#bytes.copy(this.#bytes, at, 0, block.count * RECORD_BYTES);
    for (let index = 0; index < block.count; index += 1) {
      this.#bytes.writeUInt32LE(number, at + index * RECORD_BYTES + ID_BYTES);
    }
    this.count += block.count;
    block.count = 0;
  }

  /**
   * The records in order of the first bits of their ids, so that whoever puts them into a sorted index touches its
   * pages one after the other.
   */
  sorted(): Buffer {
    const order = new Float64Array(this.count);
    for (let index = 0; index < this.count; index += 1) {
      order[index] = this.#bytes.readUInt32BE(index * RECORD_BYTES) * 2 ** NUMBER_BITS + index;
    }
    order.sort();
    const sorted = Buffer.allocUnsafe(this.count * RECORD_BYTES);
    for (const [to, key] of order.entries()) {
      const from = (key % 2 ** NUMBER_BITS) * RECORD_BYTES;
      this.#bytes.copy(sorted, to * RECORD_BYTES, from, from + RECORD_BYTES);
    }
    return sorted;
  }

  #makeRoom(records: number): number {
    const at = this.count * RECORD_BYTES;
    const wanted = at + records * RECORD_BYTES;
    if (wanted > this.#bytes.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(wanted, this.#bytes.length * 2));
      this.#bytes.copy(larger, 0, 0, at);
      this.#bytes = larger;
    }
    return at;
  }
}
