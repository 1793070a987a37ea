import type { Rules } from './rules.ts';
import {
  allOf,
  type Change,
  chunksIn,
  CONTENT,
  FREE,
  get,
  INDEXED,
  LATE,
  MARKS,
  type Move,
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
  /** Puts of snapshots can end with an error: after they were done, without, or before they are. */
  readonly faults: 'none' | 'unknown' | 'late';
  /** It names its new packs in pending objects, to save work. */
  readonly hints: boolean;
  readonly rules: Rules;
}

/** What it does next. */
const READ = 0;
const HINT = 1;
const PUT = 2;
const INDEX = 3;
const PEND = 4;
const REFRESH = 5;
const LIST = 6;
const MORE = 7;
const COMMIT = 8;
const LOOK = 9;
const CLEAN = 10;
export const DONE = 11;
/** Out of ids or packs: the model ends here, not the writer. */
export const SPENT = 12;

/** What it remembers. */
const STEP = 0;
const VIEW = 1;
const SEEN = 2;
const TRY = 3;
export const OWN = 4;
const USED = 5;
const IS_COMMITTING = 6;

/** A backup: stores, indexes, commits. */
export function createWriter(setup: WriterSetup): Process {
  const writer = new Writer(setup);
  return (state) => writer.moves(state);
}

class Writer {
  readonly #setup: WriterSetup;
  readonly #rules: Rules;
  readonly #chunks: number;

  constructor(setup: WriterSetup) {
    this.#setup = setup;
    this.#rules = setup.rules;
    this.#chunks = allOf(setup.tree);
  }

  moves(state: State): Move[] {
    const next = this.#next(state);
    return (Array.isArray(next) ? next : [next]).filter((move) => move !== undefined);
  }

  #next(state: State): Move | undefined | Move[] {
    switch (this.#of(state, STEP)) {
      case READ:
        return this.#read(state);
      case HINT:
        return this.#name(state, 'names its new pack in a pending object', PUT);
      case PUT:
        return this.#put(state);
      case INDEX:
        return this.#index(state);
      case PEND:
        return this.#pend(state);
      case REFRESH:
        return this.#refresh(state);
      case LIST:
        return this.#list(state);
      case MORE:
        return this.#name(state, 'names its new pack in a further pending object', REFRESH);
      case COMMIT:
        return this.#commit(state);
      case LOOK:
        return this.#look(state);
      case CLEAN:
        return this.#clean(state);
      default:
        return undefined;
    }
  }

  #read(state: State): Move {
    const view = get(state, INDEXED);
    const marks = get(state, MARKS);
    const wanted = this.#of(state, OWN) & ~chunksIn(state, view & ~marks);
    const seen = this.#keep([VIEW, view], [SEEN, marks], [IS_COMMITTING, 0]);
    return this.#move(state, 'reads index and marks', [...seen, ...this.#then(wanted ? this.#toStore() : this.#toCommit())]);
  }

  #toStore(): number {
    if (!this.#rules.indexBeforePending) return PEND;
    return this.#setup.hints ? HINT : PUT;
  }

  #toCommit(): number {
    return this.#rules.pendingBeforeMarks ? PEND : this.#toLook();
  }

  #toLook(): number {
    return this.#rules.writerIndexBeforeMarks ? REFRESH : LIST;
  }

  #name(state: State, what: string, then: number): Move {
    const used = this.#of(state, USED);
    const pack = this.#setup.packs[then === REFRESH ? used - 1 : used] ?? 0;
    const at = NAMED + this.#id(state);
    const step = then === REFRESH ? this.#toLook() : then;
    return this.#move(state, what, [[at, get(state, at) | (1 << pack)], ...this.#then(step)]);
  }

  /** What it lacks: of its own, before it commits; of all that its tree names, after. */
  #lacks(state: State): number {
    const held = chunksIn(state, this.#of(state, VIEW) & ~this.#of(state, SEEN));
    const is_all = this.#of(state, IS_COMMITTING) === 1 && this.#rules.checkCarried;
    return (is_all ? this.#chunks : this.#of(state, OWN)) & ~held;
  }

  #canStore(state: State, chunks: number): boolean {
    const copyable = chunksIn(state, this.#of(state, VIEW) & get(state, STANDS));
    return (chunks & ~(this.#of(state, OWN) | copyable)) === 0;
  }

  #put(state: State): Move {
    const chunks = this.#lacks(state);
    if (!this.#canStore(state, chunks)) return this.#startOver(state, 'finds nothing to copy from: starts over');
    const pack = this.#setup.packs[this.#of(state, USED)];
    if (pack === undefined) return this.#move(state, 'has no pack left', this.#then(SPENT));
    return this.#move(state, `stores chunks ${chunks} in pack ${pack}`, [
      [CONTENT + pack, chunks],
      [STANDS, get(state, STANDS) | (1 << pack)],
      ...this.#keep([USED, this.#of(state, USED) + 1]),
      ...this.#then(INDEX),
    ]);
  }

  #index(state: State): Move {
    const pack = this.#setup.packs[this.#of(state, USED) - 1] ?? 0;
    const changes: Change[] = [
      [INDEXED, get(state, INDEXED) | (1 << pack)],
      ...this.#keep([VIEW, this.#of(state, VIEW) | (1 << pack)]),
    ];
    return this.#move(state, `indexes pack ${pack}`, [...changes, ...this.#then(this.#afterIndex(state))]);
  }

  #afterIndex(state: State): number {
    if (this.#of(state, IS_COMMITTING) === 0) return this.#rules.indexBeforePending ? this.#toCommit() : this.#toLook();
    if (!this.#rules.marksAgain) return COMMIT;
    return this.#setup.hints ? MORE : this.#toLook();
  }

  #pend(state: State): Move {
    return this.#move(state, 'puts its pending object', [
      [PENDING, get(state, PENDING) | (1 << this.#id(state))],
      ...this.#then(this.#afterPend(state)),
    ]);
  }

  #afterPend(state: State): number {
    if (!this.#rules.indexBeforePending && this.#lacks(state) !== 0) return PUT;
    return this.#rules.pendingBeforeMarks ? this.#toLook() : COMMIT;
  }

  #refresh(state: State): Move {
    const view = this.#of(state, VIEW) | get(state, INDEXED);
    const seen = withChanges(state, this.#keep([VIEW, view], [IS_COMMITTING, 1]));
    return this.#move(seen, 'reads the index', this.#then(this.#rules.writerIndexBeforeMarks ? LIST : this.#judge(seen)));
  }

  #list(state: State): Move {
    const seen = withChanges(state, this.#keep([SEEN, get(state, MARKS)], [IS_COMMITTING, 1]));
    return this.#move(seen, 'lists the marks', this.#then(this.#rules.writerIndexBeforeMarks ? this.#judge(seen) : REFRESH));
  }

  /** What to do once it knows index and marks. */
  #judge(state: State): number {
    if (this.#lacks(state) !== 0) return PUT;
    return this.#rules.pendingBeforeMarks ? COMMIT : PEND;
  }

  #commit(state: State): Move[] {
    const id = this.#id(state);
    if (get(state, PLACE + id) !== FREE && this.#rules.heedRevocation) {
      return [this.#startOver(state, 'finds its place taken: starts over')];
    }
    const done: Change[] = get(state, PLACE + id) === FREE ? [[PLACE + id, SNAPSHOT]] : [];
    if (!this.#rules.pendingUntilCommit && maskHas(get(state, PENDING), id)) {
      return [this.#move(state, 'removes its pending objects', this.#unpend(state))];
    }
    const moves = [this.#move(state, 'commits', [...done, ...this.#report(state)])];
    if (this.#setup.faults !== 'none') {
      moves.push(this.#move(state, 'commits, and is told of an error', [...done, ...this.#then(LOOK)]));
      const late: Change[] = this.#setup.faults === 'late' ? [[LATE, get(state, LATE) | (1 << id)]] : [];
      moves.push(this.#move(state, 'fails to commit', [...late, ...this.#then(LOOK)]));
    }
    return moves;
  }

  #report(state: State): Change[] {
    return [[REPORTED, get(state, REPORTED) | (1 << this.#id(state))], ...this.#then(CLEAN)];
  }

  #look(state: State): Move {
    if (!this.#rules.lookAfterUnknown) return this.#move(state, 'tries the same put again', this.#then(COMMIT));
    if (get(state, PLACE + this.#id(state)) === SNAPSHOT) {
      return this.#move(state, 'finds its snapshot standing', this.#report(state));
    }
    return this.#startOver(state, 'does not find its snapshot: starts over');
  }

  #clean(state: State): Move {
    return this.#move(state, 'removes its pending objects', [...this.#unpend(state), ...this.#then(DONE)]);
  }

  #unpend(state: State): Change[] {
    const id = this.#id(state);
    return [
      [PENDING, get(state, PENDING) & ~(1 << id)],
      [NAMED + id, 0],
    ];
  }

  /** Everything is read and stored anew, under a new id. */
  #startOver(state: State, what: string): Move {
    const attempt = this.#of(state, TRY) + 1;
    const left: Change[] = this.#rules.pendingOfUnknownStays ? [] : this.#unpend(state);
    if (attempt >= this.#setup.ids.length) return this.#move(state, what, [...left, ...this.#then(SPENT)]);
    const remembered = this.#keep([TRY, attempt], [OWN, this.#chunks], [VIEW, 0], [SEEN, 0], [IS_COMMITTING, 0]);
    return this.#move(state, what, [...left, ...remembered, ...this.#then(READ)]);
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
    const { at } = this.#setup;
    return [[at + STEP, step], ...[VIEW, SEEN, TRY, OWN, USED, IS_COMMITTING].map((field): Change => [at + field, 0])];
  }

  #move(state: State, what: string, changes: readonly Change[]): Move {
    return { what: `${this.#setup.name} ${what}`, next: withChanges(state, changes) };
  }
}

function maskHas(mask: number, bit: number): boolean {
  return ((mask >> bit) & 1) === 1;
}
