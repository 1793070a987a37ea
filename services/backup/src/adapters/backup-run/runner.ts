import { HoldfastError } from '@holdfast/contracts/errors';
import type { Progress } from '@holdfast/repository/api';
import type { ProtectedSource } from '../../config.ts';
import { type BackupRun, isOver } from '../../domain/backup-run/state.ts';
import { createRefusedChanges } from '../changes/refused-changes.ts';
import type { BackupState } from '../state.ts';
import { attemptRun, Cancellation, noteCancelled, type RunDeps } from './attempt-run.ts';
import { type Candidate, createPlanner, type Pace, type Planner, type RunRequest } from './plan-runs.ts';
import { createRunRecord, type RunRecord } from './run-record.ts';

/** Starts what is due, one run a source at a time. */
export interface Runner extends AsyncDisposable {
  /** Something may be due now: a change, a closed case. */
  wake(): void;
  /** Notes runs durably, and what `also` writes with them, and starts them; all have the same time. */
  request(wishes: readonly RunRequest[], also?: () => void): BackupRun[];
  /** Stops a run and keeps nothing of it; the run as it is then, which may have been made before. `not_found`. */
  cancel(backup_id: string, actor: string): Promise<BackupRun>;
  /** Resolves when the run is over; rejects with `interrupted` where the service stops before. */
  finished(backup_id: string): Promise<BackupRun>;
  progress(backup_id: string): Progress | undefined;
  /** The next run of a source, and why. */
  next(source: ProtectedSource): Candidate | null;
}

export interface RunnerDeps extends Omit<RunDeps, 'refused'> {
  /** Walks that fell due while nobody was here wait until then. */
  readonly walk_not_before_ms: number;
  readonly isScheduled: (source: ProtectedSource) => boolean;
  /** Called after each run that is over. */
  readonly onOver: () => void;
}

interface Busy {
  /** What is walked: a source, or the group that it belongs to; null: no walk. */
  readonly walk: string | null;
  readonly backup_id: string;
  readonly stop: AbortController;
  readonly done: Promise<void>;
}

/** A walk that is still due begins again so long after one was cancelled; what changes and who asks do not wait. */
const CANCELLED_HOLD_MS = 60_000;
/** Reading everything keeps disk and processor busy: so many sources at once. On-change runs go beside them. */
const WALKS_AT_ONCE = 2;
const LOOK_AGAIN_MS = 3_600_000;
/** Not even its start could be noted: the disk is full, most likely. */
const HOLD_MS = 5_000;

/** A runner that stands still until its first `wake`. */
export function createRunner(deps: RunnerDeps): Runner {
  const { state, context } = deps;
  const { clock } = context;
  const stopping = new AbortController();
  const record = createRunRecord(stopping.signal);
  const refused = createRefusedChanges({ state, context, wake: () => look() });
  const planner = createPlanner({ ...deps, isTaken: record.isTaken });
  const busy = new Map<string, Busy>();
  const paces = createPaces();
  /** All of a source, after it broke off. */
  const held = new Map<string, number>();
  let cancelTimer: () => void = () => undefined;

  const { next, nextNow } = createChooser(planner, paces, (walk) => mayWalk(busy, walk));
  const broke = holder(deps, held);
  const start = (source: ProtectedSource, { walk: is_walk, reason, group, make }: Candidate) => {
    const walk = is_walk ? (group ?? source.name) : null;
    const run = make();
    if (reason === 'on_change') paces.started(source.name, clock.now_ms());
    const stop = new AbortController();
    const signal = AbortSignal.any([stopping.signal, stop.signal]);
    const done = attemptRun({ ...deps, refused }, { run, source, record, signal })
      .then((over) => {
        if (isOver(over)) deps.onOver();
      })
      .catch((error: unknown) => broke(source.name, run.backup_id, error))
      .finally(() => {
        busy.delete(source.name);
        look();
      });
    busy.set(source.name, { walk, backup_id: run.backup_id, stop, done });
  };
  /** Starts what is due; the time of the next that is not. */
  const startDue = (now_ms: number): number => {
    let next_ms = now_ms + LOOK_AGAIN_MS;
    for (const source of deps.settings.sources.filter(({ name }) => !busy.has(name))) {
      const found = nextNow(source, now_ms);
      if (found === null) continue;
      const at_ms = Math.max(found.at_ms, held.get(source.name) ?? 0);
      if (at_ms > now_ms) next_ms = Math.min(next_ms, at_ms);
      else start(source, found);
    }
    return next_ms;
  };
  const look = () => {
    if (stopping.signal.aborted) return;
    cancelTimer();
    const now_ms = clock.now_ms();
    cancelTimer = clock.after(startDue(now_ms) - now_ms, look);
  };
  return {
    wake: look,
    request: (wishes, also = () => undefined) => {
      const noting = { also, now_ms: clock.now_ms() };
      const runs = state.write(() => noteRequested({ state, record, planner }, wishes, noting));
      look();
      return runs;
    },
    cancel: canceller(deps, { busy, paces, record }),
    finished: record.finished,
    progress: record.progress,
    next: (source) => next(source, clock.now_ms()),
    async [Symbol.asyncDispose]() {
      stopping.abort();
      cancelTimer();
      refused[Symbol.dispose]();
      await Promise.all(Array.from(busy.values(), ({ done }) => done));
    },
  };
}

function holder({ context: { clock, log } }: RunnerDeps, held: Map<string, number>) {
  return (source: string, backup_id: string, error: unknown) => {
    held.set(source, clock.now_ms() + HOLD_MS);
    log.error({ err: error, backup_id, source }, 'a backup run broke off; will retry');
  };
}

interface Paces {
  of(source: string): Pace;
  /** An on-change run began. */
  started(source: string, at_ms: number): void;
  /** No walk of it begins by itself before. */
  hold(source: string, until_ms: number): void;
}

function createPaces(): Paces {
  const [starts, holds] = [new Map<string, number>(), new Map<string, number>()];
  return {
    of: (source) => ({ started_ms: starts.get(source) ?? null, held_ms: holds.get(source) ?? 0 }),
    started: (source, at_ms) => void starts.set(source, at_ms),
    hold: (source, until_ms) => void holds.set(source, until_ms),
  };
}

interface Underway {
  readonly busy: ReadonlyMap<string, Busy>;
  readonly paces: Paces;
  readonly record: RunRecord;
}

function canceller(deps: RunnerDeps, { busy, paces, record }: Underway): Runner['cancel'] {
  const { state, context } = deps;
  return async (backup_id, actor) => {
    const found = [...busy].find(([, one]) => one.backup_id === backup_id);
    if (found !== undefined) {
      const [source, { stop }] = found;
      paces.hold(source, context.clock.now_ms() + CANCELLED_HOLD_MS);
      const over = record.finished(backup_id);
      stop.abort(new Cancellation(actor));
      return over;
    }
    const run = state.runs.open().find((one) => one.backup_id === backup_id);
    if (run === undefined) throw new HoldfastError('not_found', `no backup ${backup_id} is being made`);
    const over = noteCancelled(deps, { run, record }, actor);
    record.settled(over);
    if (run.group !== null) deps.moments.look(run.group);
    return over;
  };
}

/** Inside `write`: notes what is wanted; all have the same time, and backups of type snapshot are one group. */
function noteRequested(
  { state, record, planner }: { state: BackupState; record: RunRecord; planner: Planner },
  wishes: readonly RunRequest[],
  { also, now_ms }: { also: () => void; now_ms: number },
): BackupRun[] {
  also();
  const group = planner.newGroup(now_ms);
  return wishes.map((wish) => record.noted(state, planner.requested(wish, group, now_ms)));
}

/** A group is walked as one: its sources wait for each other. */
function mayWalk(busy: ReadonlyMap<string, { walk: string | null }>, walk: string): boolean {
  const walks = new Set([...busy.values()].map((one) => one.walk).filter((name) => name !== null));
  return walks.has(walk) || walks.size < WALKS_AT_ONCE;
}

/** What is next for a source; `nextNow` passes over a walk that may not begin, as others are walked: a change does not wait. */
function createChooser(planner: Planner, paces: Paces, mayBegin: (walk: string) => boolean) {
  const next = (source: ProtectedSource, now_ms: number) =>
    planner.next(source, paces.of(source.name), now_ms);
  const nextNow = (source: ProtectedSource, now_ms: number): Candidate | null => {
    const found = next(source, now_ms);
    if (found === null || !found.walk || found.at_ms > now_ms) return found;
    if (mayBegin(found.group ?? source.name)) return found;
    return planner.nextChange(source, paces.of(source.name), now_ms);
  };
  return { next, nextNow };
}
