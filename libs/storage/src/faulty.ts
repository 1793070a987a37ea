import { type BlobInfo, type BlobStore, StorageError } from './blob-store.ts';

/**
 * What goes wrong with one operation:
 * - `before`: it fails and nothing was done; `after`: it was done, and fails all the same;
 * - `middle`: it fails half-way: half of the bytes stand under the name, half of a listing was given;
 * - `full`: a put fails with `full`; `slow`: other operations overtake it;
 * - `short`: a get resolves with half of the bytes; `old`: a get answers as of before the last change of this name;
 * - `stale`: a listing is as of some changes ago: new names are missing, removed ones are there.
 */
export type Fault = 'before' | 'after' | 'middle' | 'full' | 'slow' | 'short' | 'old' | 'stale';

export type OperationKind = 'put' | 'get' | 'list' | 'delete';

export interface Operation {
  readonly kind: OperationKind;
  /** Of the object; of a listing the prefix. */
  readonly name: string;
  /** How many operations this store has begun before it. */
  readonly number: number;
}

/** Decides for each operation what goes wrong with it. */
export type FaultPlan = (operation: Operation) => Fault | undefined;

export interface FaultyStore extends BlobStore {
  /** What went wrong so far, in order: for the message of a test that fails. */
  readonly happened: readonly { readonly operation: Operation; readonly fault: Fault }[];
}

/** Which faults an operation can have. */
export const FAULTS: Readonly<Record<OperationKind, readonly Fault[]>> = {
  put: ['before', 'after', 'middle', 'full', 'slow'],
  get: ['before', 'after', 'middle', 'short', 'old', 'slow'],
  list: ['before', 'after', 'middle', 'stale', 'slow'],
  delete: ['before', 'after', 'middle', 'slow'],
};

/** A listing that is stale lacks so many of the last changes. */
const STALE_CHANGES = 3;
const SLOW_TURNS = 20;

interface Change {
  readonly name: string;
  /** What stood there before; undefined: nothing. */
  readonly before: Buffer | undefined;
}

/** A store for tests that fails as planned; what is not planned passes through to `store`. A fault that the operation cannot have throws. */
export function createFaultyStore(store: BlobStore, plan: FaultPlan): FaultyStore {
  return new Faulty(store, plan);
}

class Faulty implements FaultyStore {
  readonly location: string;
  readonly happened: { operation: Operation; fault: Fault }[] = [];
  readonly #store: BlobStore;
  readonly #plan: FaultPlan;
  readonly #changes: Change[] = [];
  #begun = 0;

  constructor(store: BlobStore, plan: FaultPlan) {
    this.location = store.location;
    this.#store = store;
    this.#plan = plan;
  }

  async put(name: string, data: Uint8Array): Promise<boolean> {
    const own = Buffer.from(data);
    const fault = await this.#begin('put', name);
    if (fault === 'full') throw new StorageError('full', `put ${name}: no space left on device (planned)`);
    const bytes = fault === 'middle' ? own.subarray(0, own.length >> 1) : own;
    const is_new = await this.#store.put(name, bytes);
    if (is_new) this.#changes.push({ name, before: undefined });
    this.#end('put', name, fault);
    return is_new;
  }

  async get(name: string, range?: { offset: number; length?: number }): Promise<Buffer> {
    const fault = await this.#begin('get', name);
    if (fault === 'old') return this.#getOld(name, range);
    const data = await this.#store.get(name, range);
    this.#end('get', name, fault);
    return fault === 'short' ? data.subarray(0, data.length >> 1) : data;
  }

  async *list(prefix: string): AsyncIterable<BlobInfo> {
    const fault = await this.#begin('list', prefix);
    let found = await Array.fromAsync(this.#store.list(prefix));
    if (fault === 'stale') found = this.#stale(found, prefix);
    yield* fault === 'middle' ? found.slice(0, found.length >> 1) : found;
    this.#end('list', prefix, fault);
  }

  async *names(prefix: string): AsyncIterable<string> {
    for await (const { name } of this.list(prefix)) yield name;
  }

  async delete(name: string): Promise<void> {
    const fault = await this.#begin('delete', name);
    const before = await this.#store.get(name).catch(() => undefined);
    await this.#store.delete(name);
    if (before !== undefined) this.#changes.push({ name, before });
    this.#end('delete', name, fault);
  }

  async freeReserve(): Promise<boolean> {
    return (await this.#store.freeReserve?.()) ?? false;
  }

  async #begin(kind: OperationKind, name: string): Promise<Fault | undefined> {
    const operation = { kind, name, number: this.#begun };
    this.#begun += 1;
    const fault = this.#plan(operation);
    if (fault === undefined) return undefined;
    if (!FAULTS[kind].includes(fault)) throw new TypeError(`a ${kind} cannot have the fault ${fault}`);
    this.happened.push({ operation, fault });
    if (fault === 'before') throw planned(kind, name, fault);
    for (let turn = 0; fault === 'slow' && turn < SLOW_TURNS; turn += 1) await nextTurn();
    return fault;
  }

  #end(kind: OperationKind, name: string, fault: Fault | undefined): void {
    if (fault === 'after' || fault === 'middle') throw planned(kind, name, fault);
  }

  #getOld(name: string, range: { offset: number; length?: number } | undefined): Promise<Buffer> {
    const last = this.#changes.findLast((change) => change.name === name);
    if (last === undefined) return this.#store.get(name, range);
    const { before } = last;
    if (before === undefined)
      return Promise.reject(new StorageError('not_found', `get ${name}: not yet there`));
    const start = range?.offset ?? 0;
    return Promise.resolve(Buffer.from(before.subarray(start, start + (range?.length ?? before.length))));
  }

  #stale(found: readonly BlobInfo[], prefix: string): BlobInfo[] {
    const stale = new Map(found.map((info) => [info.name, info]));
    for (const { name, before } of this.#changes.slice(-STALE_CHANGES).reverse()) {
      if (before === undefined) stale.delete(name);
      else if (name.startsWith(prefix)) stale.set(name, { name, size: before.length });
    }
    return [...stale.values()];
  }
}

/** A plan of named faults: each line strikes once, at the next operation of its kind whose name begins so. */
export function scriptedFaults(
  lines: readonly { readonly kind: OperationKind; readonly prefix?: string; readonly fault: Fault }[],
): FaultPlan {
  const left = [...lines];
  return ({ kind, name }) => {
    const at = left.findIndex((line) => line.kind === kind && name.startsWith(line.prefix ?? ''));
    return at < 0 ? undefined : left.splice(at, 1)[0]?.fault;
  };
}

/** A plan by lot: `chance` (0 to 1) of each operation has one of its faults. The same seed draws the same lots. */
export function seededFaults(
  seed: number,
  chance: number,
  faults: Readonly<Record<OperationKind, readonly Fault[]>> = FAULTS,
): FaultPlan {
  const draw = createLots(seed);
  return ({ kind }) => {
    const strikes = draw() < chance;
    const which = Math.floor(draw() * faults[kind].length);
    return strikes ? faults[kind][which] : undefined;
  };
}

/** Numbers from 0 to below 1, the same for the same seed (mulberry32): for tests. */
export function createLots(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b_79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function planned(kind: OperationKind, name: string, fault: Fault): StorageError {
  return new StorageError('failed', `${kind} ${name}: fails ${fault} it was done (planned)`);
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
