import { createForgetter, createRevoker, network } from './others.ts';
import { createPruner } from './pruner.ts';
import { RULES, type Rules } from './rules.ts';
import type { Search } from './search.ts';
import {
  allOf,
  bitsOf,
  CONTENT,
  chunksIn,
  get,
  INDEXED,
  idsWith,
  MARKS,
  PLACE,
  PROCESS_BYTES,
  PROCESSES,
  type Process,
  REPORTED,
  SNAPSHOT,
  STANDS,
  type State,
  TOMBSTONES,
  type Tree,
} from './state.ts';
import { createWriter, OWN } from './writer.ts';

export interface WriterPlan {
  readonly tree: Tree;
  readonly own: number;
  readonly tries?: number;
  readonly packs: number;
}

export interface PrunerPlan {
  readonly copies: boolean;
  /** The sets of packs that it can choose; without, any one and all. */
  readonly choices?: readonly number[];
}

/** What happens at once in a search. */
export interface Scenario {
  /** The trees of snapshots that stand at the beginning. */
  readonly old: readonly Tree[];
  /** What the packs hold that stand at the beginning. */
  readonly packs: readonly number[];
  readonly writers: readonly WriterPlan[];
  readonly pruners: readonly PrunerPlan[];
  readonly revocations: number;
  readonly forgets: number;
  readonly faults?: 'none' | 'unknown' | 'late';
  readonly hints?: boolean;
  /** Packs that were marked long ago. */
  readonly marked?: number;
}

export function searchOf(scenario: Scenario, rules: Rules = RULES): Search {
  const builder = new Builder(scenario, rules);
  return builder.build();
}

class Builder {
  readonly #scenario: Scenario;
  readonly #rules: Rules;
  readonly #trees: Tree[];
  readonly #changes: [number, number][] = [];
  readonly #processes: Process[] = [];
  #at = PROCESSES;
  #packs: number;

  constructor(scenario: Scenario, rules: Rules) {
    this.#scenario = scenario;
    this.#rules = rules;
    this.#trees = [...scenario.old];
    this.#packs = scenario.packs.length;
  }

  build(): Search {
    for (const [index, plan] of this.#scenario.writers.entries()) this.#addWriter(`writer ${index}`, plan);
    for (const [index, plan] of this.#scenario.pruners.entries()) this.#addPruner(`pruner ${index}`, plan);
    const { revocations, forgets } = this.#scenario;
    if (revocations > 0)
      this.#processes.push(createRevoker({ at: this.#take(1), times: revocations, rules: this.#rules }));
    if (forgets > 0) this.#processes.push(createForgetter({ at: this.#take(2), times: forgets }));
    if (this.#scenario.faults === 'late') this.#processes.push(network);
    return {
      start: this.#start(),
      processes: this.#processes,
      wrong: (state) => wrongWith(state, this.#trees),
    };
  }

  #addWriter(name: string, { tree, own, tries = 2, packs }: WriterPlan): void {
    const ids = Array.from({ length: tries }, () => this.#trees.push(tree) - 1);
    const at = this.#take(PROCESS_BYTES);
    this.#changes.push([at + OWN, own]);
    const { faults = 'none', hints = false, marked: base_marks = 0 } = this.#scenario;
    const made = Array.from({ length: packs }, () => this.#packs++);
    this.#processes.push(
      createWriter({ at, name, ids, packs: made, tree, own, base_marks, faults, hints, rules: this.#rules }),
    );
  }

  #addPruner(name: string, { copies, ...plan }: PrunerPlan): void {
    const at = this.#take(PROCESS_BYTES);
    const own = copies ? { pack: this.#packs++ } : {};
    this.#processes.push(createPruner({ at, name, trees: this.#trees, rules: this.#rules, ...plan, ...own }));
  }

  #take(bytes: number): number {
    const at = this.#at;
    this.#at += bytes;
    return at;
  }

  #start(): State {
    const state = new Uint8Array(this.#at);
    for (const [pack, chunks] of this.#scenario.packs.entries()) state[CONTENT + pack] = chunks;
    const all = (1 << this.#scenario.packs.length) - 1;
    state[STANDS] = all;
    state[INDEXED] = all;
    state[MARKS] = this.#scenario.marked ?? 0;
    for (const id of this.#scenario.old.keys()) {
      state[PLACE + id] = SNAPSHOT;
    }
    state[REPORTED] = (1 << this.#scenario.old.length) - 1;
    for (const [at, value] of this.#changes) state[at] = value;
    return state;
  }
}

/** A loss: a snapshot that stands is not whole, or one that was reported is gone though nobody forgot it. */
function wrongWith(state: State, trees: readonly Tree[]): string | undefined {
  const standing = idsWith(state, SNAPSHOT);
  const missing = get(state, REPORTED) & ~standing & ~get(state, TOMBSTONES);
  if (missing !== 0) return `LOSS: snapshots ${bitsOf(missing)} were reported and do not stand`;
  const kept = chunksIn(state, get(state, STANDS) & get(state, INDEXED));
  for (const id of bitsOf(standing)) {
    const lost = allOf(trees[id] as Tree) & ~kept;
    if (lost !== 0) return `LOSS: snapshot ${id} stands without chunks ${bitsOf(lost)}`;
  }
  return undefined;
}
