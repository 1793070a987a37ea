import type { BackupMoment } from '@holdfast/contracts/backup-events';
import type { ReadPass } from '@holdfast/repository/api';
import type { ServiceContext } from '@holdfast/runtime/connect-service';
import type { BackupRun } from '../../domain/backup-run/state.ts';
import type { BackupState } from '../state.ts';

/** What one source has done by the time that it waits for the others of its group. */
export interface Arrival extends Pick<ReadPass, 'changed' | 'paths'> {
  /** Freezes what can be frozen: done between two passes of all others. */
  readonly freeze?: () => Promise<void>;
}

/** What all sources of a group have in common, as far as one of them can tell. */
export type MomentFacts = Pick<
  BackupMoment,
  'group_id' | 'sources' | 'settled' | 'passes' | 'changing' | 'within_ms'
> & {
  readonly at_ms: number;
};

/** One run among those that are to be as of one moment. */
export interface Participant extends Disposable {
  /**
   * Waits until every source of the group has come as far. True: look again, and come back. False: that was it, `facts`
   * tells of it. Rejects where its `freeze` does, or the service stops.
   */
  arrive(arrival: Arrival): Promise<boolean>;
  facts(): MomentFacts;
}

/** Brings the runs of one group together. */
export interface Moments {
  /** Null for a run that belongs to no group. To be disposed when the outcome of the attempt is noted. */
  join(run: BackupRun, signal: AbortSignal): Participant | null;
  /** One of its runs ended without having begun: the others wait for it no more. */
  look(group: string): void;
}

export interface MomentDeps {
  readonly context: ServiceContext;
  readonly state: BackupState;
}

/** Looks at everything after the first moment; then it is told that files never stood still. */
const ROUNDS_MAX = 8;
/** A source that is so much slower has a moment of its own: others are not kept from their next backups. */
const WAIT_MAX_MS = 600_000;

/** No group yet. */
export function createMoments(deps: MomentDeps): Moments {
  const groups = new Map<string, Group>();
  return {
    join: (run, signal) => {
      const { group } = run;
      if (group === null) return null;
      const joined = groups.getOrInsertComputed(group, () => new Group(group, deps));
      const participant = joined.join(run.source, signal);
      return {
        ...participant,
        [Symbol.dispose]: () => {
          participant[Symbol.dispose]();
          if (joined.is_empty) groups.delete(group);
        },
      };
    },
    look: (group) => groups.get(group)?.look(),
  };
}

interface Member {
  readonly source: string;
  moment: Moment;
  passes: number;
  /** The last round of its moment that it was there for. */
  round: number;
  changing: readonly string[];
  /** Null while it reads. */
  waiting: (Arrival & PromiseWithResolvers<boolean>) | null;
}

/** One try for a moment. Every file that was unchanged in the last pass was so at `at_ms`, which came just before that pass. */
interface Moment {
  readonly members: Map<string, Member>;
  /** Sources that nobody waits for any more. */
  readonly left_behind: Set<string>;
  rounds: number;
  at_ms: number;
  within_ms: number;
  settled: boolean;
  sources: readonly string[];
}

class Group {
  readonly #id: string;
  readonly #deps: MomentDeps;
  /** Sources that have their moment, and are being committed. */
  readonly #through = new Set<string>();
  #moment = newMoment();
  /** Null where no timer goes. */
  #cancelTimer: (() => void) | null = null;
  #is_freezing = false;

  constructor(id: string, deps: MomentDeps) {
    this.#id = id;
    this.#deps = deps;
  }

  get is_empty(): boolean {
    return this.#through.size === 0 && this.#moment.members.size === 0;
  }

  join(source: string, signal: AbortSignal): Participant {
    const member: Member = {
      source,
      moment: this.#moment,
      passes: 0,
      round: 0,
      changing: [],
      waiting: null,
    };
    this.#moment.members.set(source, member);
    const stop = () => {
      member.waiting?.reject(signal.reason);
      member.waiting = null;
    };
    signal.addEventListener('abort', stop, { once: true });
    return {
      arrive: (arrival) => this.#arrive(member, arrival, signal),
      facts: () => this.#factsOf(member),
      [Symbol.dispose]: () => {
        signal.removeEventListener('abort', stop);
        member.moment.members.delete(source);
        this.#through.delete(source);
        if (this.#waiting().length === 0) this.#cancelWait();
        this.look();
      },
    };
  }

  /** Also once more, where maintenance took away what an attempt had relied on, and the engine reads it all again. */
  #begin(member: Member): void {
    Object.assign(member, { moment: this.#moment, passes: 0, round: 0 });
    this.#through.delete(member.source);
    this.#moment.members.set(member.source, member);
  }

  #arrive(member: Member, arrival: Arrival, signal: AbortSignal): Promise<boolean> {
    signal.throwIfAborted();
    if (this.#moment.members.get(member.source) !== member) this.#begin(member);
    const waiting = { ...arrival, ...Promise.withResolvers<boolean>() };
    member.passes += 1;
    member.changing = arrival.paths;
    member.waiting = waiting;
    this.#moment.left_behind.delete(member.source);
    if (this.#cancelTimer === null) this.#waitAtMost();
    this.look();
    return waiting.promise;
  }

  #waiting(): Member[] {
    return [...this.#moment.members.values()].filter(({ waiting }) => waiting !== null);
  }

  #waitAtMost(): void {
    const { clock, log } = this.#deps.context;
    this.#cancelTimer = clock.after(WAIT_MAX_MS, () => {
      this.#cancelTimer = null;
      const slow = this.#missing();
      log.warn({ group: this.#id, slow }, 'a snapshot goes on without its slower sources');
      for (const source of slow) this.#moment.left_behind.add(source);
      this.look();
    });
  }

  #cancelWait(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = null;
  }

  /** Sources of the group that are still to come here. */
  #missing(): string[] {
    const { left_behind, members } = this.#moment;
    const expected = this.#deps.state.runs.open().filter((run) => run.group === this.#id && isOnItsWay(run));
    const missing = expected.map(({ source }) => source).filter((source) => !members.get(source)?.waiting);
    return missing.filter((source) => !this.#through.has(source) && !left_behind.has(source));
  }

  /** Goes on, where nobody is missing any more. */
  look(): void {
    const here = this.#waiting();
    if (here.length === 0 || this.#is_freezing || this.#missing().length > 0) return;
    const { rounds } = this.#moment;
    // What a pass found that began before this moment says nothing about it.
    const is_new = rounds === 0 || here.some(({ round }) => round !== rounds);
    const changed = here.some(({ waiting }) => (waiting?.changed ?? 0) > 0);
    if (is_new || (changed && rounds < ROUNDS_MAX)) void this.#takeMoment(here);
    else this.#finish(here, !changed);
  }

  /** Freezes what can be frozen while nobody reads, and lets all look again. */
  async #takeMoment(here: readonly Member[]): Promise<void> {
    const { clock } = this.#deps.context;
    const moment = this.#moment;
    this.#is_freezing = true;
    this.#cancelWait();
    moment.rounds += 1;
    moment.at_ms = clock.now_ms();
    const frozen = await Promise.allSettled(here.map(async ({ waiting }) => waiting?.freeze?.()));
    moment.within_ms = clock.now_ms() - moment.at_ms;
    this.#is_freezing = false;
    for (const [index, member] of here.entries()) {
      const { waiting } = member;
      const outcome = frozen[index];
      member.waiting = null;
      member.round = moment.rounds;
      if (outcome?.status === 'rejected') {
        moment.members.delete(member.source);
        waiting?.reject(outcome.reason);
      } else waiting?.resolve(true);
    }
  }

  #finish(here: readonly Member[], settled: boolean): void {
    this.#cancelWait();
    this.#moment.settled = settled;
    this.#moment.sources = here.map(({ source }) => source).sort();
    // Who comes later, or again, has another moment.
    const late = [...this.#moment.members.values()].filter(({ waiting }) => waiting === null);
    this.#moment = newMoment();
    for (const member of late) {
      member.moment.members.delete(member.source);
      member.moment = this.#moment;
      member.round = 0;
      this.#moment.members.set(member.source, member);
    }
    for (const member of here) {
      this.#through.add(member.source);
      member.waiting?.resolve(false);
      member.waiting = null;
    }
  }

  #factsOf({ passes, changing, moment }: Member): MomentFacts {
    const { sources, settled, at_ms, within_ms } = moment;
    return {
      group_id: this.#id,
      sources: [...sources],
      settled,
      at_ms,
      within_ms,
      passes,
      changing: [...changing],
    };
  }
}

function newMoment(): Moment {
  return {
    ...{ members: new Map(), left_behind: new Set(), sources: [] },
    ...{ rounds: 0, at_ms: 0, within_ms: 0, settled: false },
  };
}

/** Not over, and not waiting for its next attempt after a failure. */
function isOnItsWay({ status, error }: BackupRun): boolean {
  return status === 'requested' || status === 'running' || (status === 'retrying' && error === null);
}
