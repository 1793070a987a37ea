import type { BackupType } from '@holdfast/contracts/backup-events';
import { newId } from '@holdfast/event-store/new-event';
import type { ProtectedSource } from '../config.ts';
import { newBackupId } from '../domain/backup-run/backup-id.ts';
import { nextInLine } from '../domain/backup-run/decide.ts';
import { nextRun } from '../domain/backup-run/due.ts';
import { type BackupReason, type BackupRun, requestedRun } from '../domain/backup-run/state.ts';
import type { BackupState } from './state.ts';

/** Somebody's wish for a backup of one source. */
export interface RunRequest {
  readonly source: string;
  readonly type: BackupType;
  readonly compression: boolean;
  readonly correlationid: string;
  readonly actor: string;
}

/** A run that could be next, and from when on. */
export interface Candidate {
  readonly at_ms: number;
  readonly walk: boolean;
  readonly reason: BackupReason;
  make(): BackupRun;
}

/** Tells what is next for each source, from what is noted. */
export interface Planner {
  /** `started_ms`: when the last on-change run of the source began. Null where a run of the system waits already. */
  next(source: ProtectedSource, started_ms: number | null, now_ms: number): Candidate | null;
  requested(wish: RunRequest, now_ms: number): BackupRun;
}

export interface PlannerDeps {
  readonly state: BackupState;
  /** Ids of runs that are under way and not noted. */
  readonly isTaken: (backup_id: string) => boolean;
  /** Walks that fell due while nobody was here wait until then. */
  readonly walk_not_before_ms: number;
}

type Wish = RunRequest & Pick<BackupRun, 'reason' | 'walk'>;

/** A planner over the state of this service. */
export function createPlanner({ state, isTaken, walk_not_before_ms }: PlannerDeps): Planner {
  const isKnown = (id: string) => isTaken(id) || state.catalog.has(id) || state.runs.get(id) !== undefined;
  const newRun = ({ source, type, reason, walk, compression, correlationid, actor }: Wish, now_ms: number) =>
    requestedRun({
      backup_id: newBackupId(type, now_ms, isKnown),
      source,
      backup_type: type,
      reason,
      walk,
      compression,
      correlationid,
      actor,
      requested_ms: now_ms,
    });
  const automatic = (source: ProtectedSource, started_ms: number | null, now_ms: number): Candidate => {
    const changed_ms = source.plan.on_change ? state.changes.oldest(source.name) : null;
    const progress = { walked_ms: state.walks.last(source.name), started_ms, changed_ms, walk_not_before_ms };
    const due = nextRun(source.plan, progress, now_ms);
    const wish = { ...due, source: source.name, compression: true, actor: 'holdfast' };
    return { ...due, make: () => newRun({ ...wish, correlationid: newId(now_ms) }, now_ms) };
  };
  return {
    next: (source, started_ms, now_ms) => {
      const open = state.runs.open(source.name);
      const waiting = nextInLine(open);
      const line = waiting && { ...waiting, at_ms: waiting.not_before_ms, make: () => waiting };
      if (open.some(isAutomatic)) return line;
      const due = automatic(source, started_ms, now_ms);
      // Who asked goes before what the schedule wants, once both may start.
      return line !== null && line.at_ms <= Math.max(due.at_ms, now_ms) ? line : due;
    },
    requested: (wish, now_ms) => newRun({ ...wish, reason: 'request', walk: true }, now_ms),
  };
}

function isAutomatic({ reason }: BackupRun): boolean {
  return reason !== 'request' && reason !== 'before_deployment';
}
