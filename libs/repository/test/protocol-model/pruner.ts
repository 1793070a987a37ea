import type { Rules } from './rules.ts';
import {
  allOf,
  bitsOf,
  type Change,
  CONTENT,
  chunksIn,
  get,
  IDS_MAX,
  INDEXED,
  idsWith,
  MARKS,
  type Move,
  maskHas,
  maskOf,
  NAMED,
  PENDING,
  PLACE,
  type Process,
  REVOCATION,
  SNAPSHOT,
  STANDS,
  type State,
  type Tree,
  withChanges,
} from './state.ts';

export interface PrunerSetup {
  /** Where its bytes are in a state. */
  readonly at: number;
  readonly name: string;
  /** The trees of all ids. */
  readonly trees: readonly Tree[];
  /** The pack that it can copy into; without, it copies nothing. */
  readonly pack?: number;
  /** The sets of packs that it can choose; without, any one and all. */
  readonly choices?: readonly number[];
  readonly rules: Rules;
}

/** What it does next. */
const CHOOSE = 0;
const COPY = 1;
const INDEX = 2;
const MARK = 3;
const LIST_MARKS = 4;
const LIST_PENDING = 5;
const LIST_SNAPSHOTS = 6;
const READ_INDEX = 7;
const DECIDE = 8;
const UNNAME = 9;
const DELETE = 10;
const UNMARK = 11;
const UNPEND = 12;
const DONE = 13;

/** What it remembers. */
const STEP = 0;
const CANDIDATES = 1;
const SEEN_MARKS = 2;
const SEEN_PENDING = 3;
const SEEN_NAMED = 4;
const SEEN_SNAPSHOTS = 5;
const SEEN_REVOCATIONS = 6;
const VIEW = 7;
/** Chunks to copy; later, packs to delete. */
const CHOSEN = 8;
const FIELDS = 9;

/** What a look into the store has shown. */
interface Seen {
  readonly marks: number;
  readonly pending: number;
  readonly named: number;
  readonly snapshots: number;
  readonly revocations: number;
  readonly index: number;
}

/** One run of maintenance: copies, marks, looks, deletes. */
export function createPruner(setup: PrunerSetup): Process {
  const pruner = new Pruner(setup);
  return (state) => pruner.moves(state);
}

class Pruner {
  readonly #setup: PrunerSetup;
  readonly #rules: Rules;
  readonly #order: readonly number[];
  readonly #does: Readonly<Record<number, (state: State) => Move>>;

  constructor(setup: PrunerSetup) {
    this.#setup = setup;
    this.#rules = setup.rules;
    this.#order = orderOf(setup.rules);
    this.#does = {
      [COPY]: (state) => this.#copy(state),
      [INDEX]: (state) =>
        this.#then(state, () => `indexes pack ${setup.pack}`, [
          [INDEXED, get(state, INDEXED) | this.#ownPack()],
        ]),
      [MARK]: (state) =>
        this.#then(state, () => 'marks them', [[MARKS, get(state, MARKS) | this.#of(state, CANDIDATES)]]),
      [LIST_MARKS]: (state) =>
        this.#then(state, () => 'lists the marks', this.#keep([SEEN_MARKS, get(state, MARKS)])),
      [LIST_PENDING]: (state) => this.#listPending(state),
      [LIST_SNAPSHOTS]: (state) => this.#listSnapshots(state),
      [READ_INDEX]: (state) =>
        this.#then(state, () => 'reads the index', this.#keep([VIEW, get(state, INDEXED)])),
      [DECIDE]: (state) => this.#decide(state),
      [UNNAME]: (state) =>
        this.#then(state, () => 'takes them out of the index', [
          [INDEXED, get(state, INDEXED) & ~this.#of(state, CHOSEN)],
        ]),
      [DELETE]: (state) => this.#delete(state),
      [UNMARK]: (state) =>
        this.#then(state, () => 'removes its marks', [
          [MARKS, get(state, MARKS) & ~this.#of(state, CANDIDATES)],
        ]),
      [UNPEND]: (state) => this.#unpend(state),
    };
  }

  moves(state: State): Move[] {
    const step = this.#of(state, STEP);
    if (step === CHOOSE) return this.#choose(state);
    const move = this.#does[step]?.(state);
    return move === undefined ? [] : [move];
  }

  /** Any pack, or all: safety must not hang on how well it chose (only without a second look it has to). */
  #choose(state: State): Move[] {
    const standing = get(state, STANDS);
    const can = this.#rules.secondLook ? standing : this.#needless(state, standing, seenNow(state));
    const sets = this.#setup.choices?.filter((packs) => (packs & ~can) === 0) ?? anyOrAll(can);
    return sets.flatMap((packs) => [
      this.#chosen(state, packs, 0),
      ...(this.#canCopy() ? [this.#chosen(state, packs, chunksIn(state, packs))] : []),
    ]);
  }

  #canCopy(): boolean {
    return this.#setup.pack !== undefined && this.#rules.secondLook;
  }

  #chosen(state: State, packs: number, copied: number): Move {
    const what = () =>
      `chooses packs ${bitsOf(packs)}${copied === 0 ? '' : ` and copies chunks ${bitsOf(copied)}`}`;
    const doomed = this.#rules.secondLook ? copied : packs;
    return this.#then(
      state,
      what,
      this.#keep([CANDIDATES, packs], [CHOSEN, doomed]),
      copied > 0 ? COPY : MARK,
    );
  }

  #copy(state: State): Move {
    const { pack = 0 } = this.#setup;
    const chunks = this.#of(state, CHOSEN) & chunksIn(state, get(state, STANDS));
    return this.#then(state, () => `copies chunks ${bitsOf(chunks)} to pack ${pack}`, [
      [CONTENT + pack, chunks],
      [STANDS, get(state, STANDS) | (1 << pack)],
      ...this.#keep([CHOSEN, 0]),
    ]);
  }

  #listPending(state: State): Move {
    let named = 0;
    for (let id = 0; id < IDS_MAX; id += 1) named |= get(state, NAMED + id);
    const pending = get(state, PENDING);
    return this.#then(state, () => 'lists pending', this.#keep([SEEN_PENDING, pending], [SEEN_NAMED, named]));
  }

  #listSnapshots(state: State): Move {
    const { snapshots, revocations } = seenNow(state);
    const seen = this.#keep([SEEN_SNAPSHOTS, snapshots], [SEEN_REVOCATIONS, revocations]);
    return this.#then(state, () => 'lists snapshots', seen);
  }

  #decide(state: State): Move {
    const seen: Seen = {
      marks: this.#of(state, SEEN_MARKS),
      pending: this.#of(state, SEEN_PENDING),
      named: this.#of(state, SEEN_NAMED),
      snapshots: this.#of(state, SEEN_SNAPSHOTS),
      revocations: this.#of(state, SEEN_REVOCATIONS),
      index:
        this.#of(state, VIEW) | (this.#rules.copyIndexedFirst ? 0 : this.#ownPack() & get(state, STANDS)),
    };
    const lost = bitsOf(this.#lost(state, seen))[0];
    if (lost !== undefined) return this.#lostNode(state, lost);
    const chosen = this.#needless(state, this.#of(state, CANDIDATES), seen);
    return this.#then(state, () => `decides to delete packs ${bitsOf(chosen)}`, this.#keep([CHOSEN, chosen]));
  }

  /** Ids whose tree it should read and cannot. */
  #lost(state: State, seen: Seen): number {
    const wanted = this.#rules.lostPending === 'revoke' ? this.#living(seen) : seen.snapshots;
    const lost = bitsOf(wanted).filter((id) => !this.#canRead(state, this.#tree(id).node, seen));
    // A snapshot that was forgotten since it was listed is no loss.
    return maskOf(lost.filter((id) => !maskHas(seen.snapshots, id) || get(state, PLACE + id) === SNAPSHOT));
  }

  /** A snapshot that cannot be read is damage: nothing is deleted. A pending object loses its place. */
  #lostNode(state: State, id: number): Move {
    if (get(state, PLACE + id) === SNAPSHOT)
      return this.#then(state, () => `cannot read snapshot ${id}: gives up`, [], DONE);
    const revocations = this.#of(state, SEEN_REVOCATIONS) | (1 << id);
    const revoked: Change[] = [[PLACE + id, REVOCATION], ...this.#keep([SEEN_REVOCATIONS, revocations])];
    return this.#then(state, () => `cannot read what is pending as ${id}: revokes it`, revoked, DECIDE);
  }

  #delete(state: State): Move {
    const chosen = this.#of(state, CHOSEN);
    const pack = chosen & -chosen;
    const left = chosen & ~pack;
    const deleted: Change[] = [[STANDS, get(state, STANDS) & ~pack], ...this.#keep([CHOSEN, left])];
    return left === 0
      ? this.#then(state, () => `deletes pack ${bitsOf(pack)}`, deleted)
      : this.#then(state, () => `deletes pack ${bitsOf(pack)}`, deleted, DELETE);
  }

  #unpend(state: State): Move {
    const removed = this.#of(state, SEEN_PENDING);
    return this.#then(state, () => `removes pending objects ${bitsOf(removed)}`, [
      [PENDING, get(state, PENDING) & ~removed],
      ...bitsOf(removed).map((id): Change => [NAMED + id, 0]),
    ]);
  }

  /** Those of these packs that nothing needs, as far as it has seen. */
  #needless(state: State, packs: number, seen: Seen): number {
    const needed = this.#reached(state, seen);
    const trusted = seen.index & ~packs & ~(this.#rules.distrustMarked ? seen.marks : 0);
    return maskOf(
      bitsOf(packs & ~seen.named).filter((pack) => {
        return (get(state, CONTENT + pack) & needed & ~chunksIn(state, trusted)) === 0;
      }),
    );
  }

  #reached(state: State, seen: Seen): number {
    let chunks = 0;
    for (const id of bitsOf(this.#living(seen))) {
      const tree = this.#tree(id);
      chunks |= this.#canRead(state, tree.node, seen) ? allOf(tree) : tree.node;
    }
    return chunks;
  }

  #living(seen: Seen): number {
    return seen.snapshots | (this.#rules.heedPending ? seen.pending & ~seen.revocations : 0);
  }

  #canRead(state: State, node: number, seen: Seen): boolean {
    const index = seen.index | (this.#rules.readAgain ? get(state, INDEXED) : 0);
    return (node & ~chunksIn(state, index & get(state, STANDS))) === 0;
  }

  #tree(id: number): Tree {
    return this.#setup.trees[id] as Tree;
  }

  #ownPack(): number {
    return this.#setup.pack === undefined ? 0 : 1 << this.#setup.pack;
  }

  #of(state: State, field: number): number {
    return get(state, this.#setup.at + field);
  }

  #keep(...fields: readonly Change[]): Change[] {
    return fields.map(([field, value]) => [this.#setup.at + field, value]);
  }

  #then(state: State, what: () => string, changes: readonly Change[], step?: number): Move {
    const next = withChanges(state, changes);
    const at = step ?? this.#after(next);
    next[this.#setup.at + STEP] = at;
    this.#forget(next, at);
    return { what: () => `${this.#setup.name} ${what()}`, next };
  }

  /** The step after this one; those that have nothing to do are left out. */
  #after(state: State): number {
    const from = this.#order.indexOf(this.#of(state, STEP)) + 1;
    return this.#order.slice(from).find((step) => !this.#isIdle(state, step)) ?? DONE;
  }

  #isIdle(state: State, step: number): boolean {
    if (step === INDEX) return (this.#ownPack() & get(state, STANDS) & ~get(state, INDEXED)) === 0;
    if (step === UNNAME || step === DELETE) return this.#of(state, CHOSEN) === 0;
    return false;
  }

  /** What it will not ask for again: states that differ in nothing else are one. */
  #forget(next: State, step: number): void {
    const { at } = this.#setup;
    if (step === DONE) next.fill(0, at + 1, at + FIELDS);
    if (step !== UNNAME && step !== DELETE && step !== UNPEND && step !== UNMARK) return;
    const taken = get(next, at + SEEN_SNAPSHOTS) | get(next, at + SEEN_REVOCATIONS);
    if (this.#rules.pendingUntilTaken) next[at + SEEN_PENDING] = get(next, at + SEEN_PENDING) & taken;
    for (const field of [SEEN_MARKS, SEEN_NAMED, VIEW]) next[at + field] = 0;
    if (this.#rules.marksStay) next[at + CANDIDATES] = 0;
  }
}

function orderOf(rules: Rules): number[] {
  const marks = rules.prunerMarksFirst ? [MARK, LIST_MARKS] : [LIST_MARKS, MARK];
  const listed = rules.pendingBeforeSnapshots
    ? [LIST_PENDING, LIST_SNAPSHOTS]
    : [LIST_SNAPSHOTS, LIST_PENDING];
  const looked = rules.prunerIndexLast ? [...listed, READ_INDEX] : [READ_INDEX, ...listed];
  const second = rules.secondLook ? [...looked, DECIDE] : [];
  const deleting = rules.marksStay ? [UNNAME, DELETE] : [UNNAME, DELETE, UNMARK];
  return rules.copyIndexedFirst
    ? [CHOOSE, COPY, INDEX, ...marks, ...second, ...deleting, UNPEND, DONE]
    : [CHOOSE, COPY, ...marks, ...second, ...deleting, INDEX, UNPEND, DONE];
}

function anyOrAll(packs: number): number[] {
  const each = bitsOf(packs).map((pack) => 1 << pack);
  return each.length > 1 ? [...each, packs] : each;
}

function seenNow(state: State): Seen {
  return {
    marks: get(state, MARKS),
    pending: get(state, PENDING),
    named: 0,
    snapshots: idsWith(state, SNAPSHOT),
    revocations: idsWith(state, REVOCATION),
    index: get(state, INDEXED),
  };
}
