/**
 * Which chunks are reached, and how: an open-addressed table of 128-bit prefixes of ids in typed arrays, 17 bytes a
 * slot. A prefix of a MAC does not collide by chance, and where it did, a chunk would be kept that nobody needs.
 */
export class ChunkSet {
  #words = new Int32Array(FIRST_SLOTS * WORDS);
  #flags = new Uint8Array(FIRST_SLOTS);
  #count = 0;

  /** Chunks in the set. */
  get size(): number {
    return this.#count;
  }

  /** Adds flags (bits, at least one) to those of a chunk (by its id or the first 16 bytes of it); those that it had before, 0 where it is new. */
  add(id: Buffer, flags: number): number {
    if (this.#count * 2 >= this.#flags.length) this.#grow();
    const at = this.#find(wordsOf(id));
    const before = this.#flags[at] as number;
    if (before === 0) {
      this.#words.set(wordsOf(id), at * WORDS);
      this.#count += 1;
    }
    this.#flags[at] = before | flags;
    return before;
  }

  /** The flags of a chunk; 0 where it is not in the set. */
  flagsOf(id: Buffer): number {
    return this.#flags[this.#find(wordsOf(id))] as number;
  }

  /** Slot of a chunk, or the free one where it belongs. */
  #find(wanted: Int32Array): number {
    const mask = this.#flags.length - 1;
    for (let slot = (wanted[0] as number) & mask; ; slot = (slot + 1) & mask) {
      if (this.#flags[slot] === 0 || this.#isAt(slot, wanted)) return slot;
    }
  }

  #isAt(slot: number, wanted: Int32Array): boolean {
    const at = slot * WORDS;
    for (let word = 0; word < WORDS; word += 1) if (this.#words[at + word] !== wanted[word]) return false;
    return true;
  }

  #grow(): void {
    const [words, flags] = [this.#words, this.#flags];
    this.#words = new Int32Array(words.length * 2);
    this.#flags = new Uint8Array(flags.length * 2);
    for (let slot = 0; slot < flags.length; slot += 1) {
      if (flags[slot] === 0) continue;
      const entry = words.subarray(slot * WORDS, (slot + 1) * WORDS);
      const at = this.#find(entry);
      this.#words.set(entry, at * WORDS);
      this.#flags[at] = flags[slot] as number;
    }
  }
}

const WORDS = 4;
const FIRST_SLOTS = 1 << 14;
const scratch = new Int32Array(WORDS);

/** Overwritten by the next call. */
function wordsOf(id: Buffer): Int32Array {
  for (let word = 0; word < WORDS; word += 1) scratch[word] = id.readInt32LE(word * 4);
  return scratch;
}
