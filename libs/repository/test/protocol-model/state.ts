/**
 * One state of the model in a few bytes: the store, then what each process remembers. Sets of chunks, packs and ids are
 * bit masks. A process that has crashed is one that takes no further step, so that every crash is in the search.
 */
export type State = Uint8Array;

export const PACKS_MAX = 8;
export const IDS_MAX = 6;

/** What a snapshot's place holds. */
export const FREE = 0;
export const SNAPSHOT = 1;
export const REVOCATION = 2;

/** Where the parts of the store are. */
export const CONTENT = 0;
export const STANDS = CONTENT + PACKS_MAX;
export const INDEXED = STANDS + 1;
export const MARKS = INDEXED + 1;
export const TOMBSTONES = MARKS + 1;
/** Ids with a pending object that names their tree. */
export const PENDING = TOMBSTONES + 1;
export const PLACE = PENDING + 1;
/** Packs that pending objects of an id name. */
export const NAMED = PLACE + IDS_MAX;
/** Ids whose snapshot was reported as done. */
export const REPORTED = NAMED + IDS_MAX;
/** Ids of puts that were given up on and may still arrive. */
export const LATE = REPORTED + 1;
export const PROCESSES = LATE + 1;
/** Bytes that each process has for itself. */
export const PROCESS_BYTES = 9;

/** A node, and the chunks that are known only to who has read the node. */
export interface Tree {
  readonly node: number;
  readonly leaves: number;
}

export type Change = readonly [at: number, value: number];

/** One thing that a process can do next. */
export interface Move {
  readonly what: () => string;
  readonly next: State;
}

/** What a process can do in a state: nothing once it is done. */
export type Process = (state: State) => Move[];

export function get(state: State, at: number): number {
  return state[at] as number;
}

/** A copy with some bytes changed. */
export function withChanges(state: State, changes: readonly Change[]): State {
  const next = state.slice();
  for (const [at, value] of changes) next[at] = value;
  return next;
}

export function bitsOf(mask: number): number[] {
  const bits: number[] = [];
  for (let bit = 0; mask >> bit > 0; bit += 1) if ((mask >> bit) & 1) bits.push(bit);
  return bits;
}

export function allOf({ node, leaves }: Tree): number {
  return node | leaves;
}

/** The chunks in these packs. */
export function chunksIn(state: State, packs: number): number {
  let chunks = 0;
  for (let pack = 0; packs >> pack > 0; pack += 1) {
    if ((packs >> pack) & 1) chunks |= get(state, CONTENT + pack);
  }
  return chunks;
}

/** The ids whose place holds this. */
export function idsWith(state: State, what: number): number {
  let ids = 0;
  for (let id = 0; id < IDS_MAX; id += 1) if (state[PLACE + id] === what) ids |= 1 << id;
  return ids;
}

/** The mask of these bits. */
export function maskOf(bits: readonly number[]): number {
  return bits.reduce((mask, bit) => mask | (1 << bit), 0);
}

export function maskHas(mask: number, bit: number): boolean {
  return ((mask >> bit) & 1) === 1;
}
