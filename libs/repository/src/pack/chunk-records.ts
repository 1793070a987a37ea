import { PREFIX_BYTES } from '../crypto/keys.ts';

const FIRST_RECORDS = 256;

/** Chunks of a block or of a pack as they lie, in two columns: no object for each of them. */
export class ChunkRecords {
  count = 0;
  #prefixes = Buffer.allocUnsafeSlow(FIRST_RECORDS * PREFIX_BYTES);
  #lengths = new Uint32Array(FIRST_RECORDS);

  /** A chunk that follows those before it without a gap. Takes the first bytes of the id. */
  add(id: Buffer, length: number): void {
    this.#makeRoom(1);
    id.copy(this.#prefixes, this.count * PREFIX_BYTES, 0, PREFIX_BYTES);
    this.#lengths[this.count] = length;
    this.count += 1;
  }

  /** Adds the chunks of a block, and empties them. */
  take(block: ChunkRecords): void {
    this.#makeRoom(block.count);
    block.prefixes().copy(this.#prefixes, this.count * PREFIX_BYTES);
    this.#lengths.set(block.lengths(), this.count);
    this.count += block.count;
    block.count = 0;
  }

  /** The first bytes of their ids, one after the other: a view that the next change may overwrite. */
  prefixes(): Buffer {
    return this.#prefixes.subarray(0, this.count * PREFIX_BYTES);
  }

  /** Their lengths: a view, too. */
  lengths(): Uint32Array {
    return this.#lengths.subarray(0, this.count);
  }

  #makeRoom(records: number): void {
    const wanted = this.count + records;
    if (wanted <= this.#lengths.length) return;
    const room = Math.max(wanted, this.#lengths.length * 2);
    const prefixes = Buffer.allocUnsafeSlow(room * PREFIX_BYTES);
    this.prefixes().copy(prefixes);
    const lengths = new Uint32Array(room);
    lengths.set(this.lengths());
    this.#prefixes = prefixes;
    this.#lengths = lengths;
  }
}
