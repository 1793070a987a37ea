/**
 * Which new chunks somebody is storing already, shared by all threads of one backup. An open-addressed table of
 * 128-bit prefixes of ids in shared memory. It only saves work: where it is full or two threads see different tables,
 * a chunk is stored twice, which harms nothing.
 */
export class ClaimTable {
  /** Shared memory, oldest table first; hand it to the other threads. */
  readonly tables: SharedArrayBuffer[];
  #views: BigInt64Array[];

  constructor(tables: readonly SharedArrayBuffer[] = [newTable(FIRST_SLOTS)]) {
    this.tables = [...tables];
    this.#views = tables.map((table) => new BigInt64Array(table));
  }

  /** True: the chunk is the caller's to store. */
  claim(id: Buffer): boolean {
    const low = id.readBigInt64LE(0) || 1n;
    const high = id.readBigInt64LE(8) || 1n;
    const last = this.#views.length - 1;
    for (const [index, view] of this.#views.entries()) {
      const found = probe(view, { low, high, may_take: index === last });
      if (found === 'there') return false;
      if (found === 'taken') return true;
    }
    return true;
  }

  /** Adds a larger table once the last is half full; true where it did. One thread only may call it. */
  grow(): boolean {
    const view = this.#views.at(-1) as BigInt64Array;
    const slots = slotsOf(view);
    if (Number(Atomics.load(view, view.length - 1)) < slots / 2) return false;
    this.adopt(newTable(slots * 4));
    return true;
  }

  /** Takes over a table that another thread made. */
  adopt(table: SharedArrayBuffer): void {
    this.tables.push(table);
    this.#views.push(new BigInt64Array(table));
  }
}

const FIRST_SLOTS = 1 << 15;
const PROBES_MAX = 32;

/** Two words a slot, and a last word that counts. */
function newTable(slots: number): SharedArrayBuffer {
  return new SharedArrayBuffer((slots * 2 + 1) * 8);
}

function slotsOf(view: BigInt64Array): number {
  return (view.length - 1) / 2;
}

function probe(
  view: BigInt64Array,
  wanted: { low: bigint; high: bigint; may_take: boolean },
): 'there' | 'taken' | 'absent' {
  const slots = slotsOf(view);
  const start = Number(BigInt.asUintN(30, wanted.low)) % slots;
  for (let step = 0; step < PROBES_MAX; step += 1) {
    const at = ((start + step) % slots) * 2;
    let low = Atomics.load(view, at);
    if (low === 0n) {
      if (!wanted.may_take) return 'absent';
      low = Atomics.compareExchange(view, at, 0n, wanted.low);
      if (low === 0n) {
        Atomics.store(view, at + 1, wanted.high);
        Atomics.add(view, view.length - 1, 1n);
        return 'taken';
      }
    }
    if (low === wanted.low && secondWord(view, at + 1) === wanted.high) return 'there';
  }
  return 'absent';
}

/** The other thread is between its two stores at most for a moment. */
function secondWord(view: BigInt64Array, at: number): bigint {
  let high = Atomics.load(view, at);
  while (high === 0n) high = Atomics.load(view, at);
  return high;
}
