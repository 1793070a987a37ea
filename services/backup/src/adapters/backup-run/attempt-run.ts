import type { BackupManifest } from '@holdfast/contracts/backup-events';
import type { BackupResult, BackupStats } from '@holdfast/repository/api';
import { inSpan } from '@holdfast/runtime/telemetry';
import type { ProtectedSource } from '../../config.ts';
import { failed } from '../../domain/backup-run/decide.ts';
import { type BackupRun, evolve, type RunFact } from '../../domain/backup-run/state.ts';
import type { BackupMetrics } from '../../metrics.ts';
import type { TakenChanges } from '../changes/change-table.ts';
import type { RefusedChanges } from '../changes/refused-changes.ts';
import { type OwedHooks, withHooks } from '../hooks/hooks.ts';
import type { Moments, Participant } from '../moments/moments.ts';
import { fulfil } from '../schedule/obligations.ts';
import { progressLogger } from './log-progress.ts';
import { makeSnapshot, type SnapshotDeps } from './make-snapshot.ts';
import { runErrorOf } from './run-error.ts';
import type { RunRecord } from './run-record.ts';
import { manifestOf, tellCreated } from './tell-created.ts';

export interface RunDeps extends SnapshotDeps {
  readonly metrics: BackupMetrics;
  readonly moments: Moments;
  readonly refused: RefusedChanges;
  readonly owed: OwedHooks;
}

export interface RunAttempt {
  readonly run: BackupRun;
  readonly source: ProtectedSource;
  readonly record: RunRecord;
  readonly signal: AbortSignal;
}

const LOSS_PAUSE_MS = 250;
const NOTE_AGAIN_MS = 1_000;

/** One attempt of a run, from its start to its noted outcome; the run as it then is. Rejects only where the service stops meanwhile. */
export async function attemptRun(deps: RunDeps, attempt: RunAttempt): Promise<BackupRun> {
  const { record, signal } = attempt;
  // Given up only when the outcome is noted: others of its group look there for whom to wait.
  using participant = deps.moments.join(attempt.run, signal);
  const taken = deps.state.changes.take(attempt.source.name);
  const run = withCause(started(deps, attempt), taken);
  const parent = taken.cause?.traceparent ?? undefined;
  const attributes = { 'holdfast.backup_id': run.backup_id, 'holdfast.source': run.source };
  const note = await inSpan('backup', { parent, attributes }, () =>
    outcomeOf(deps, { ...attempt, run }, { taken, participant }),
  );
  // A disk that is full refuses the note too; the snapshot stands, so it is tried until it can be told.
  const over = await untilNoted(deps, record.stopping, note);
  record.settled(over);
  return over;
}

function started(deps: RunDeps, { run, record }: RunAttempt): BackupRun {
  const running = evolve(run, { type: 'started', at_ms: deps.context.clock.now_ms() });
  if (run.reason !== 'on_change') deps.state.write(() => record.noted(deps.state, running));
  record.working(running, null);
  return running;
}

// A backup that answers one incident is part of its story.
function withCause(run: BackupRun, { cause }: TakenChanges): BackupRun {
  return cause === null || run.reason !== 'on_change' ? run : { ...run, correlationid: cause.correlationid };
}

type Note = () => BackupRun;

/** Does the work; the result is how its outcome is to be noted. */
async function outcomeOf(
  deps: RunDeps,
  attempt: RunAttempt,
  { taken, participant }: { taken: TakenChanges; participant: Participant | null },
): Promise<Note> {
  const { run, source, record, signal } = attempt;
  const { clock, log } = deps.context;
  const logProgress = progressLogger(clock, log, run.backup_id);
  const onProgress: typeof logProgress = (progress) => {
    record.working(run, progress);
    logProgress(progress);
  };
  try {
    const ends_failure = run.error !== null || deps.refused.has(run, taken);
    const still_unreadable = deps.refused.others(run, taken);
    const what = { run, source, taken, signal, onProgress, participant, ends_failure, still_unreadable };
    const make = () => withHooks(deps, attempt, (hooks) => makeSnapshot(deps, { ...what, hooks }));
    const made = (await adopted(deps, run)) ?? (await make());
    const manifest = made.unchanged ? null : manifestOf(made.snapshot);
    const unreadable = made.stats?.unreadable ?? [];
    return () => noteMade(deps, run, { manifest, time_ms: made.snapshot.time_ms, taken, unreadable });
  } catch (error) {
    return () => noteFailed(deps, attempt, error);
  }
}

/** The snapshot of an earlier attempt whose outcome was not known: it stands, so it is not made again. */
async function adopted(
  deps: SnapshotDeps,
  run: BackupRun,
): Promise<(Omit<BackupResult, 'stats'> & { stats?: BackupStats }) | null> {
  if (run.attempt < 2) return null;
  const snapshots = await deps.repository.snapshots({ host: deps.context.host, source: run.source });
  const snapshot = snapshots.find((one) => one.metadata['backup_id'] === run.backup_id);
  return snapshot === undefined ? null : { snapshot, unchanged: false };
}

interface Made {
  /** Null: nothing had changed, so that no snapshot was made. */
  readonly manifest: BackupManifest | null;
  readonly time_ms: number;
  readonly taken: TakenChanges;
  readonly unreadable: BackupStats['unreadable'];
}

function noteMade(deps: RunDeps, run: BackupRun, made: Made): BackupRun {
  const { manifest, time_ms, taken } = made;
  const { state, context } = deps;
  const at_ms = context.clock.now_ms();
  const changed_ms = run.walk ? null : state.changes.oldest(run.source);
  state.write(() => {
    state.changes.drop(run.source, taken.number);
    state.runs.remove(run.backup_id);
    if (run.walk && run.started_ms !== null) state.walks.mark(run.source, run.started_ms);
    if (manifest !== null) tellCreated(state, manifest, { time_ms, run });
    fulfil(deps, run);
    if (run.walk) return;
    const refused = deps.refused.settle(run, taken, made.unreadable);
    if (refused > 0) deps.metrics.backupFailed(run.source, 'source_unreadable');
  });
  if (manifest === null) return evolve(run, { type: 'unchanged', at_ms });
  deps.metrics.backupCreated(manifest, changed_ms === null ? null : (at_ms - changed_ms) / 1000);
  logCreated(deps, run, manifest);
  return evolve(run, { type: 'created', at_ms, snapshot_id: manifest.snapshot_id });
}

function logCreated({ context }: RunDeps, run: BackupRun, manifest: BackupManifest): void {
  const { backup_id, source, backup_type, reason } = run;
  const { files_new, files_changed, files_removed, bytes_stored, files_unreadable } = manifest;
  const { missed_by_events, moment } = manifest;
  const fields = {
    backup_id,
    source,
    backup_type,
    reason,
    files_new,
    files_changed,
    files_removed,
    bytes_stored,
  };
  if (missed_by_events !== undefined) {
    context.log.warn(
      { backup_id, source, ...missed_by_events },
      'a walk found changes that events had missed',
    );
  }
  if (moment?.settled === false) {
    const { passes, changing } = moment;
    context.log.warn({ backup_id, source, passes, changing }, 'a snapshot never saw its files stand still');
  }
  if (files_unreadable.length === 0) context.log.info(fields, 'backup created');
  else
    context.log.warn(
      { ...fields, files_unreadable },
      'backup created without the files that could not be read',
    );
}

function noteFailed(deps: RunDeps, { run, source, record, signal }: RunAttempt, error: unknown): BackupRun {
  const { state, context, metrics } = deps;
  const at_ms = context.clock.now_ms();
  const cancelled = cancellationOf(signal);
  if (cancelled !== null) return noteCancelled(deps, { run, record }, cancelled.actor);
  const interruption = interruptionOf(error, signal, at_ms);
  if (interruption !== null) {
    const again = evolve(run, interruption);
    state.write(() => state.runs.put(again));
    return again;
  }
  const reason = runErrorOf(error);
  const next = evolve(run, failed(run, reason, at_ms));
  state.write(() => record.noted(state, next));
  metrics.backupFailed(source.name, reason.code);
  context.log.error(
    { err: error, backup_id: run.backup_id, source: source.name, code: reason.code, attempt: run.attempt },
    'backup failed',
  );
  return next;
}

/** Of a run that works: nothing of it was committed. Of one that waits: it never will be. */
export function noteCancelled(
  { state, context }: SnapshotDeps,
  { run, record }: Pick<RunAttempt, 'run' | 'record'>,
  actor: string,
): BackupRun {
  const over = evolve(run, { type: 'cancelled', at_ms: context.clock.now_ms(), actor });
  state.write(() => record.noted(state, over));
  context.log.info({ backup_id: run.backup_id, source: run.source, actor }, 'backup cancelled');
  return over;
}

/** Nothing failed: a loss came between, or the service stops. */
function interruptionOf(error: unknown, signal: AbortSignal, now_ms: number): RunFact | null {
  if (Error.isError(error) && error.name === 'LossMeanwhile') {
    return { type: 'interrupted', at_ms: now_ms + LOSS_PAUSE_MS };
  }
  return signal.aborted ? { type: 'interrupted', at_ms: now_ms } : null;
}

async function untilNoted(deps: RunDeps, stopping: AbortSignal, note: Note): Promise<BackupRun> {
  for (;;) {
    try {
      return note();
    } catch (error) {
      deps.context.log.error({ err: error }, 'the outcome of a backup could not be noted; will retry');
      if (stopping.aborted) throw error;
      await pause(deps, stopping);
    }
  }
}

/** Why the signal of a run is aborted, where somebody had it stopped. */
export class Cancellation extends Error {
  override readonly name = 'Cancellation';
  readonly actor: string;

  constructor(actor: string) {
    super('the backup was cancelled');
    this.actor = actor;
  }
}

function cancellationOf({ reason }: AbortSignal): Cancellation | null {
  return Error.isError(reason) && reason.name === 'Cancellation' ? (reason as Cancellation) : null;
}

async function pause({ context }: SnapshotDeps, stopping: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const cancel = context.clock.after(NOTE_AGAIN_MS, resolve);
  stopping.addEventListener('abort', () => resolve(), { once: true });
  await promise;
  cancel();
}
