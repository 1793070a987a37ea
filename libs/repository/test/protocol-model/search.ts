import type { Move, Process, State } from './state.ts';

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
  readonly states_max?: number;
}

/** Every interleaving, breadth first: the first violation that is found has a shortest trace. */
export function search({ start, processes, wrong, states_max = 20_000_000 }: Search): Found {
  const seen = new Set<string>([keyOf(start)]);
  const states: State[] = [start];
  const parents: number[] = [-1];
  for (let at = 0; at < states.length; at += 1) {
    const state = states[at] as State;
    const problem = wrong(state);
    if (problem !== undefined) {
      return { states: states.length, trace: [...traceTo(at, { states, parents, processes }), problem] };
    }
    for (const process of processes) {
      for (const { next } of process(state)) {
        const key = keyOf(next);
        if (seen.has(key)) continue;
        seen.add(key);
        states.push(next);
        parents.push(at);
      }
    }
    if (states.length > states_max) throw new Error(`more than ${states_max} states`);
  }
  return { states: states.length };
}

function keyOf(state: State): string {
  return Buffer.from(state.buffer, state.byteOffset, state.length).latin1Slice();
}

function traceTo(
  end: number,
  of: { states: readonly State[]; parents: readonly number[]; processes: readonly Process[] },
): string[] {
  const trace: string[] = [];
  for (let at = end; at > 0; at = of.parents[at] as number) {
    const before = of.states[of.parents[at] as number] as State;
    const key = keyOf(of.states[at] as State);
    const moves: Move[] = of.processes.flatMap((process) => process(before));
    trace.unshift(moves.find(({ next }) => keyOf(next) === key)?.what ?? '?');
  }
  return trace;
}
