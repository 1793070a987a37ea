import type { BackupType } from '@holdfast/contracts/backup-events';
import { newId } from '@holdfast/event-store/new-event';
import type { ProtectedSource } from '../../config.ts';
import { newBackupId } from '../../domain/backup-run/backup-id.ts';
import { nextInLine } from '../../domain/backup-run/decide.ts';
import { type DueRun, nextOnChange, nextRun } from '../../domain/backup-run/due.ts';
import { type BackupReason, type BackupRun, requestedRun } from '../../domain/backup-run/state.ts';
import type { BackupState } from '../state.ts';

/** Somebody's wish for a backup of one source. */
export interface RunRequest {
  readonly source: string;
  readonly type: BackupType;
  readonly compression: boolean;
  readonly reason: 'request' | 'before_deployment' | 'schedule';
  /** The schedule whose slot it is. */
  readonly schedule: string | null;
  readonly correlationid: string;
  readonly actor: string;
}

/** A run that could be next, and from when on. */
export interface Candidate {
  readonly at_ms: number;
  readonly walk: boolean;
  readonly reason: BackupReason;
  /** Of runs that are walked together. */
  readonly group: string | null;
  make(): BackupRun;
}

/** What the runner knows of a source, and nothing notes. */
export interface Pace {
  /** When the last on-change run began; null: none did. */
  readonly started_ms: number | null;
  /** A walk was cancelled: none begins by itself before. */
  readonly held_ms: number;
}

/** Tells what is next for each source, from what is noted. */
export interface Planner {
  /** Null where nothing is due. */
  next(source: ProtectedSource, pace: Pace, now_ms: number): Candidate | null;
  /** The same, where no walk may begin now: a change that waits, or null. */
  nextChange(source: ProtectedSource, pace: Pace, now_ms: number): Candidate | null;
  /** `snapshot_20251201_143022`: for the backups of type `snapshot` that are wanted together. */
  newGroup(now_ms: number): string;
  requested(wish: RunRequest, group: string, now_ms: number): BackupRun;
}

export interface PlannerDeps {
  readonly state: BackupState;
  /** Ids of runs that are under way and not noted. */
  readonly isTaken: (backup_id: string) => boolean;
  /** A schedule stands in for the walks of its frequency. */
  readonly isScheduled: (source: ProtectedSource) => boolean;
  /** Walks that fell due while nobody was here wait until then. */
  readonly walk_not_before_ms: number;
}

type Wish = Omit<RunRequest, 'reason'> & Pick<BackupRun, 'reason' | 'walk' | 'group'>;

/** A planner over the state of this service. */
export function createPlanner(deps: PlannerDeps): Planner {
  const { state, isTaken, walk_not_before_ms } = deps;
  const isKnown = (id: string) => isTaken(id) || state.catalog.has(id) || state.runs.get(id) !== undefined;
  const newRun = ({ type: backup_type, ...wish }: Wish, now_ms: number) =>
    requestedRun({
      ...wish,
      backup_id: newBackupId(backup_type, now_ms, isKnown),
      backup_type,
      requested_ms: now_ms,
    });
  const progressOf = (source: ProtectedSource, pace: Pace) => ({
    walked_ms: state.walks.last(source.name),
    ...pace,
    changed_ms: source.plan.on_change ? state.changes.oldest(source.name) : null,
    walk_not_before_ms,
    is_scheduled: deps.isScheduled(source),
  });
  const candidate = ({ name }: ProtectedSource, due: DueRun, now_ms: number): Candidate => {
    const { reason, type, walk } = due;
    const system = { schedule: null, group: null, compression: true, actor: 'holdfast' };
    const wish = { source: name, reason, type, walk, ...system };
    return { ...due, group: null, make: () => newRun({ ...wish, correlationid: newId(now_ms) }, now_ms) };
  };
  /** A walk that fails, or waits, keeps no change waiting: it may fail for ever, at something that changes do without. */
  const changeBeside = (
    source: ProtectedSource,
    { open, pace }: { open: readonly BackupRun[]; pace: Pace },
    now_ms: number,
  ): Candidate | null => {
    const progress = progressOf(source, pace);
    // Without any backup there is nothing that a change could be added to.
    if (progress.walked_ms === null || open.some((run) => isAutomatic(run) && !run.walk)) return null;
    const due = nextOnChange(source.plan, progress, now_ms);
    return due === null ? null : candidate(source, due, now_ms);
  };
  return {
    next: (source, pace, now_ms) => {
      const open = state.runs.open(source.name);
      const waiting = nextInLine(open);
      const line = waiting && { ...waiting, at_ms: waiting.not_before_ms, make: () => waiting };
      if (open.some(isAutomatic)) return earlier(line, changeBeside(source, { open, pace }, now_ms));
      const due = candidate(source, nextRun(source.plan, progressOf(source, pace), now_ms), now_ms);
      // Who asked goes before what the schedule wants, once both may start.
      return line !== null && line.at_ms <= Math.max(due.at_ms, now_ms) ? line : due;
    },
    nextChange: (source, pace, now_ms) =>
      changeBeside(source, { open: state.runs.open(source.name), pace }, now_ms),
    newGroup: (now_ms) =>
      newBackupId('snapshot', now_ms, isKnown).replace(/^backup_(.*)_snapshot/, 'snapshot_$1'),
    requested: (wish, group, now_ms) =>
      newRun({ ...wish, walk: true, group: wish.type === 'snapshot' ? group : null }, now_ms),
  };
}

/** The run that waits, but for a change that comes before it. */
function earlier(line: Candidate | null, change: Candidate | null): Candidate | null {
  if (line === null || change === null) return line ?? change;
  return change.at_ms < line.at_ms ? change : line;
}

/** One that the planner itself has made: one walk and one for changes at most. */
function isAutomatic({ reason, schedule }: BackupRun): boolean {
  return reason !== 'request' && reason !== 'before_deployment' && schedule === null;
}
