/**
 * Which new chunks somebody is storing already, shared by all threads of one backup. An open-addressed table of
 * 128-bit prefixes of ids in shared memory. It only saves work: where it is full or two threads see different tables,
 * a chunk is stored twice, which harms nothing.
 */
export class ClaimTable {
  /** Shared memory, oldest table first; hand it to the other threads. */
  readonly tables: SharedArrayBuffer[];
  readonly #views: Int32Array[];
  readonly #wanted = new Int32Array(WORDS);

  constructor(tables: readonly SharedArrayBuffer[] = [newTable(FIRST_SLOTS)]) {
    this.tables = [...tables];
    this.#views = tables.map((table) => new Int32Array(table));
  }

  /** True: the chunk is the caller's to store. */
  claim(id: Buffer): boolean {
    for (let word = 0; word < WORDS; word += 1) this.#wanted[word] = id.readInt32LE(word * 4) || 1;
    const last = this.#views.length - 1;
    for (let index = 0; index <= last; index += 1) {
      const found = probe(this.#views[index] as Int32Array, this.#wanted, index === last);
      if (found !== 'absent') return found === 'taken';
    }
    return true;
  }

  /** Adds a larger table once the last is half full; true where it did. One thread only may call it. */
  grow(): boolean {
    const view = this.#views.at(-1) as Int32Array;
    const slots = slotsOf(view);
    if (Atomics.load(view, view.length - 1) < slots / 2) return false;
    this.adopt(newTable(slots * 4));
    return true;
  }

  /** Takes over a table that another thread made. */
  adopt(table: SharedArrayBuffer): void {
    this.tables.push(table);
    this.#views.push(new Int32Array(table));
  }
}

const FIRST_SLOTS = 1 << 15;
const PROBES_MAX = 32;
/** Of 32 bits in a slot. None is 0 once it is written: 0 is a slot, or a word of one, that is not yet. */
const WORDS = 4;

/** A last word counts. */
function newTable(slots: number): SharedArrayBuffer {
  return new SharedArrayBuffer((slots * WORDS + 1) * 4);
}

function slotsOf(view: Int32Array): number {
  return (view.length - 1) / WORDS;
}

function probe(view: Int32Array, wanted: Int32Array, may_take: boolean): 'there' | 'taken' | 'absent' {
  const slots = slotsOf(view);
  const first = wanted[0] as number;
  const start = (first >>> 0) % slots;
  for (let step = 0; step < PROBES_MAX; step += 1) {
    const at = ((start + step) % slots) * WORDS;
    const found = may_take ? Atomics.compareExchange(view, at, 0, first) : Atomics.load(view, at);
    if (found === 0) return may_take ? take(view, at, wanted) : 'absent';
    if (found === first && isRestSame(view, at, wanted)) return 'there';
  }
  return 'absent';
}

function take(view: Int32Array, at: number, wanted: Int32Array): 'taken' {
  for (let word = 1; word < WORDS; word += 1) Atomics.store(view, at + word, wanted[word] as number);
  Atomics.add(view, view.length - 1, 1);
  return 'taken';
}

function isRestSame(view: Int32Array, at: number, wanted: Int32Array): boolean {
  for (let word = 1; word < WORDS; word += 1) {
    let found = Atomics.load(view, at + word);
    // The other thread is between its stores at most for a moment.
    while (found === 0) found = Atomics.load(view, at + word);
    if (found !== wanted[word]) return false;
  }
  return true;
}
