import type { Process, State } from './state.ts';

export interface Found {
  readonly states: number;
  /** The shortest way to what must not be, and what that is. */
  readonly trace?: readonly string[];
}

export interface Search {
  readonly start: State;
  readonly processes: readonly Process[];
  /** What is wrong with a state, if anything is. */
  readonly wrong: (state: State) => string | undefined;
}

/** As many as a Set can hold. */
const STATES_MAX = 16_000_000;

/** Every interleaving, breadth first: the first violation that is found has a shortest trace. */
export function search({ start, processes, wrong }: Search): Found {
  // A set gives what is added while it is gone through, so that it is the queue too.
  const seen = new Set<string>([keyOf(start)]);
  const parents = [-1];
  let at = -1;
  for (const key of seen) {
    at += 1;
    const state = stateOf(key);
    const problem = wrong(state);
    if (problem !== undefined) {
      return { states: seen.size, trace: [...traceTo(at, { keys: [...seen], parents, processes }), problem] };
    }
    for (const process of processes) {
      for (const { next } of process(state)) {
        seen.add(keyOf(next));
        if (seen.size > parents.length) parents.push(at);
      }
    }
    if (seen.size > STATES_MAX) throw new Error(`more than ${STATES_MAX} states`);
  }
  return { states: seen.size };
}

function keyOf(state: State): string {
  return Buffer.from(state.buffer, state.byteOffset, state.length).toString('latin1');
}

function stateOf(key: string): State {
  return new Uint8Array(Buffer.from(key, 'latin1'));
}

function traceTo(
  end: number,
  of: { keys: readonly string[]; parents: readonly number[]; processes: readonly Process[] },
): string[] {
  const trace: string[] = [];
  for (let at = end; at > 0; at = of.parents[at] as number) {
    const before = stateOf(of.keys[of.parents[at] as number] as string);
    const moves = of.processes.flatMap((process) => process(before));
    trace.unshift(moves.find(({ next }) => keyOf(next) === of.keys[at])?.what() ?? '?');
  }
  return trace;
}
