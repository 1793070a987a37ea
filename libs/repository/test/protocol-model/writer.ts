import type { Rules } from './rules.ts';
import {
  allOf,
  bitsOf,
  type Change,
  CONTENT,
  chunksIn,
  FREE,
  get,
  INDEXED,
  LATE,
  MARKS,
  type Move,
  maskHas,
  NAMED,
  PENDING,
  PLACE,
  type Process,
  REPORTED,
  SNAPSHOT,
  STANDS,
  type State,
  type Tree,
  withChanges,
} from './state.ts';

export interface WriterSetup {
  /** Where its bytes are in a state. */
  readonly at: number;
  readonly name: string;
  /** One id for each try; it gives up after the last. */
  readonly ids: readonly number[];
  /** The packs that it can make, in this order; it stops after the last. */
  readonly packs: readonly number[];
  readonly tree: Tree;
  /** The chunks that it has read itself; the others of its tree it carries over from its parent, unseen. */
  readonly own: number;
  /** The parent's tree was held under these marks, as far as it knows. */
  readonly base_marks: number;
  /** Puts of snapshots can end with an error: after they were done, without, or before they are. */
  readonly faults: 'none' | 'unknown' | 'late';
  /** It names its new packs in pending objects, to save work. */
  readonly hints: boolean;
  readonly rules: Rules;
}

/** What it does next. */
const READ_INDEX = 0;
const READ_MARKS = 1;
const HINT = 2;
const PUT = 3;
const INDEX = 4;
const PEND = 5;
const LIST_FIRST = 6;
const REFRESH = 7;
const LIST = 8;
const MORE = 9;
const COMMIT = 10;
const LOOK = 11;
const CLEAN = 12;
export const DONE = 13;
/** Out of ids or packs: the model ends here, not the writer. */
export const SPENT = 14;

/** What it remembers. */
const STEP = 0;
const VIEW = 1;
const SEEN = 2;
export const TRY = 3;
export const OWN = 4;
export const USED = 5;
/** Which round of making sure that all is held: 0, then 1 for all others. */
const ROUND = 6;
/** The marks of the first look-up. */
const FIRST = 7;

/** A backup: stores, indexes, commits. */
export function createWriter(setup: WriterSetup): Process {
  const writer = new Writer(setup);
  return (state) => writer.moves(state);
}

class Writer {
  readonly #setup: WriterSetup;
  readonly #rules: Rules;
  readonly #chunks: number;
  readonly #does: Readonly<Record<number, (state: State) => Move | Move[]>>;

  constructor(setup: WriterSetup) {
    this.#setup = setup;
    this.#rules = setup.rules;
    this.#chunks = allOf(setup.tree);
    this.#does = {
      [READ_INDEX]: (state) =>
        this.#move(
          state,
          () => 'reads the index',
          this.#keep([VIEW, get(state, INDEXED)], [STEP, READ_MARKS]),
        ),
      [READ_MARKS]: (state) => this.#readMarks(state),
      [HINT]: (state) => this.#name(state, this.#of(state, USED), PUT),
      [PUT]: (state) => this.#put(state),
      [INDEX]: (state) => this.#index(state),
      [PEND]: (state) => this.#pend(state),
      [LIST_FIRST]: (state) => this.#listFirst(state),
      [REFRESH]: (state) => this.#refresh(state),
      [LIST]: (state) => this.#list(state),
      [MORE]: (state) => this.#name(state, this.#of(state, USED) - 1, this.#toLook()),
      [COMMIT]: (state) => this.#commit(state),
      [LOOK]: (state) => this.#look(state),
      [CLEAN]: (state) => this.#clean(state),
    };
  }

  moves(state: State): Move[] {
    const moves = this.#does[this.#of(state, STEP)]?.(state) ?? [];
    return Array.isArray(moves) ? moves : [moves];
  }

  #readMarks(state: State): Move {
    const marks = get(state, MARKS);
    const seen = withChanges(state, this.#keep([SEEN, marks], [FIRST, marks]));
    return this.#move(
      seen,
      () => 'lists the marks',
      this.#then(this.#stores(seen, 'pending') ? this.#toStore() : this.#toCommit(seen)),
    );
  }

  /** It has own chunks to store, and this is the time for it. */
  #stores(state: State, before: Rules['storesBefore']): boolean {
    return this.#rules.storesBefore === before && this.#of(state, ROUND) === 0 && this.#lacks(state) !== 0;
  }

  #toStore(): number {
    return this.#setup.hints ? HINT : PUT;
  }

  #toCommit(state: State): number {
    return this.#rules.pendingBeforeMarks ? PEND : this.#toFirstLook(state);
  }

  #toFirstLook(state: State): number {
    return this.#rules.shortcut && this.#of(state, ROUND) === 0 ? LIST_FIRST : this.#toLook();
  }

  #toLook(): number {
    return this.#rules.writerIndexBeforeMarks ? REFRESH : LIST;
  }

  #name(state: State, which: number, then: number): Move {
    const pack = this.#setup.packs[which] ?? 0;
    const at = NAMED + this.#id(state);
    return this.#move(state, () => `names pack ${pack} in a pending object`, [
      [at, get(state, at) | (1 << pack)],
      ...this.#then(then),
    ]);
  }

  /** What it lacks: of its own, before it commits; of all that its tree names, after. */
  #lacks(state: State): number {
    const held = chunksIn(state, this.#of(state, VIEW) & ~this.#of(state, SEEN));
    const is_all = this.#of(state, ROUND) > 0 && this.#rules.checkCarried;
    return (is_all ? this.#chunks : this.#of(state, OWN)) & ~held;
  }

  #canStore(state: State, chunks: number): boolean {
    const copyable = chunksIn(state, this.#of(state, VIEW) & get(state, STANDS));
    const in_hand = this.#of(state, ROUND) === 0 ? this.#of(state, OWN) : 0;
    return (chunks & ~(in_hand | copyable)) === 0;
  }

  #put(state: State): Move {
    const chunks = this.#lacks(state);
    if (!this.#canStore(state, chunks)) return this.#writeAnew(state);
    const pack = this.#setup.packs[this.#of(state, USED)];
    if (pack === undefined) return this.#move(state, () => 'has no pack left', this.#then(SPENT));
    return this.#move(state, () => `stores chunks ${bitsOf(chunks)} in pack ${pack}`, [
      [CONTENT + pack, chunks],
      [STANDS, get(state, STANDS) | (1 << pack)],
      ...this.#keep([USED, this.#of(state, USED) + 1]),
      ...this.#then(INDEX),
    ]);
  }

  #index(state: State): Move {
    const pack = this.#setup.packs[this.#of(state, USED) - 1] ?? 0;
    return this.#move(state, () => `indexes pack ${pack}`, [
      [INDEXED, get(state, INDEXED) | (1 << pack)],
      ...this.#keep([VIEW, this.#of(state, VIEW) | (1 << pack)]),
      ...this.#then(this.#afterIndex(state)),
    ]);
  }

  #afterIndex(state: State): number {
    if (this.#of(state, ROUND) === 0) {
      const { storesBefore } = this.#rules;
      if (storesBefore === 'commit') return COMMIT;
      return storesBefore === 'pending' ? this.#toCommit(state) : this.#toFirstLook(state);
    }
    if (!this.#rules.marksAgain) return COMMIT;
    return this.#setup.hints ? MORE : this.#toLook();
  }

  #pend(state: State): Move {
    return this.#move(state, () => 'puts its pending object', [
      [PENDING, get(state, PENDING) | (1 << this.#id(state))],
      ...this.#then(this.#afterPend(state)),
    ]);
  }

  #afterPend(state: State): number {
    if (this.#stores(state, 'marks')) return this.#toStore();
    return this.#rules.pendingBeforeMarks ? this.#toFirstLook(state) : COMMIT;
  }

  /** The shortcut: nothing was marked since the first look-up, and its parent was held under the same marks. */
  #listFirst(state: State): Move {
    const marks = get(state, MARKS);
    const is_new = this.#rules.shortcutHeedsMarks && marks !== this.#of(state, FIRST);
    const is_vague =
      this.#rules.shortcutHeedsBase &&
      this.#of(state, OWN) !== this.#chunks &&
      marks !== this.#setup.base_marks;
    if (is_new || is_vague) {
      return this.#move(
        state,
        () => 'lists the marks: it has to look',
        this.#keep([ROUND, 1], [STEP, this.#toLook()]),
      );
    }
    return this.#move(state, () => 'lists the marks: nothing is new', this.#then(this.#beforeCommit(state)));
  }

  /** What comes next where it believes that all is held. */
  #beforeCommit(state: State): number {
    if (this.#stores(state, 'commit')) return PUT;
    return this.#rules.pendingBeforeMarks ? COMMIT : PEND;
  }

  #refresh(state: State): Move {
    const view = this.#of(state, VIEW) | get(state, INDEXED);
    const seen = withChanges(state, this.#keep([VIEW, view], [ROUND, 1]));
    return this.#move(
      seen,
      () => 'reads the index again',
      this.#then(this.#rules.writerIndexBeforeMarks ? LIST : this.#judge(seen)),
    );
  }

  #list(state: State): Move {
    const seen = withChanges(state, this.#keep([SEEN, get(state, MARKS)], [ROUND, 1]));
    return this.#move(
      seen,
      () => 'lists the marks',
      this.#then(this.#rules.writerIndexBeforeMarks ? this.#judge(seen) : REFRESH),
    );
  }

  /** What to do once it knows index and marks. */
  #judge(state: State): number {
    return this.#lacks(state) !== 0 ? PUT : this.#beforeCommit(state);
  }

  #commit(state: State): Move[] {
    const id = this.#id(state);
    if (get(state, PLACE + id) !== FREE && this.#rules.heedRevocation) return [this.#yieldPlace(state)];
    const done: Change[] = get(state, PLACE + id) === FREE ? [[PLACE + id, SNAPSHOT]] : [];
    if (!this.#rules.pendingUntilCommit && maskHas(get(state, PENDING), id)) {
      return [this.#move(state, () => 'removes its pending objects', this.#unpend(state))];
    }
    const moves = [this.#move(state, () => 'commits', [...done, ...this.#report(state)])];
    if (this.#setup.faults !== 'none') {
      moves.push(this.#move(state, () => 'commits, and is told of an error', [...done, ...this.#then(LOOK)]));
      const late: Change[] = this.#setup.faults === 'late' ? [[LATE, get(state, LATE) | (1 << id)]] : [];
      moves.push(this.#move(state, () => 'fails to commit', [...late, ...this.#then(LOOK)]));
    }
    return moves;
  }

  #report(state: State): Change[] {
    return [[REPORTED, get(state, REPORTED) | (1 << this.#id(state))], ...this.#then(CLEAN)];
  }

  #look(state: State): Move {
    if (!this.#rules.lookAfterUnknown)
      return this.#move(state, () => 'tries the same put again', this.#then(COMMIT));
    if (get(state, PLACE + this.#id(state)) === SNAPSHOT) {
      return this.#move(state, () => 'finds its snapshot standing', this.#report(state));
    }
    return this.#writeAnew(state);
  }

  #clean(state: State): Move {
    return this.#move(state, () => 'removes its pending objects', [
      ...this.#unpend(state),
      ...this.#then(DONE),
    ]);
  }

  #unpend(state: State): Change[] {
    const id = this.#id(state);
    return [
      [PENDING, get(state, PENDING) & ~(1 << id)],
      [NAMED + id, 0],
    ];
  }

  /** Taken for dead, it announces the same tree under a new id, and looks again. */
  #yieldPlace(state: State): Move {
    const changes = [
      ...this.#unpend(state),
      ...this.#keep([ROUND, 0]),
      ...this.#nextTry(state, this.#toCommit(state)),
    ];
    return this.#move(state, () => 'finds its place taken: takes a new id', changes);
  }

  /** Everything is read and stored anew, under a new id; while its parent stands, nodes of that are carried over. */
  #writeAnew(state: State): Move {
    const left: Change[] = this.#rules.pendingOfUnknownStays ? [] : this.#unpend(state);
    const { own, tree } = this.#setup;
    const is_first = this.#of(state, TRY) === 0 && get(state, PLACE) === SNAPSHOT;
    const read = is_first ? own | tree.leaves : this.#chunks;
    const cleared = this.#keep([OWN, read], [VIEW, 0], [SEEN, 0], [ROUND, 0], [FIRST, 0]);
    return this.#move(state, () => 'starts from the beginning', [
      ...left,
      ...cleared,
      ...this.#nextTry(state, READ_INDEX),
    ]);
  }

  #nextTry(state: State, step: number): Change[] {
    const attempt = this.#of(state, TRY) + 1;
    if (attempt >= this.#setup.ids.length) return this.#then(SPENT);
    return this.#keep([TRY, attempt], [STEP, step]);
  }

  #id(state: State): number {
    return this.#setup.ids[this.#of(state, TRY)] ?? 0;
  }

  #of(state: State, field: number): number {
    return get(state, this.#setup.at + field);
  }

  #keep(...fields: readonly Change[]): Change[] {
    return fields.map(([field, value]) => [this.#setup.at + field, value]);
  }

  /** Who is done or spent remembers nothing more, so that such states are one. */
  #then(step: number): Change[] {
    if (step !== DONE && step !== SPENT) return this.#keep([STEP, step]);
    const fields = [VIEW, SEEN, TRY, OWN, USED, ROUND, FIRST];
    return this.#keep([STEP, step], ...fields.map((field): Change => [field, 0]));
  }

  #move(state: State, what: () => string, changes: readonly Change[]): Move {
    return { what: () => `${this.#setup.name} ${what()}`, next: withChanges(state, changes) };
  }
}
