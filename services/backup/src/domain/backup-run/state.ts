import type { BackupManifest, BackupType } from '@holdfast/contracts/backup-events';

export type BackupReason = BackupManifest['reason'];
export interface RunError {
  readonly code: string;
  readonly message: string;
}

/** One backup of one source, from the wish for it to its end. */
export interface BackupRun {
  readonly backup_id: string;
  readonly source: string;
  readonly backup_type: BackupType;
  readonly reason: BackupReason;
  /** The schedule that wants it, if one does. */
  readonly schedule: string | null;
  /** Look at every file, or only at those that events named. */
  readonly walk: boolean;
  readonly compression: boolean;
  readonly correlationid: string;
  /** Who wanted it: the id of a token, or `holdfast`. */
  readonly actor: string;
  readonly status: 'requested' | 'running' | 'retrying' | 'created' | 'unchanged' | 'failed' | 'cancelled';
  /** Counts the starts. */
  readonly attempt: number;
  readonly requested_ms: number;
  /** Of the current or last attempt. */
  readonly started_ms: number | null;
  readonly finished_ms: number | null;
  /** It does not start, or start again, before. */
  readonly not_before_ms: number;
  readonly snapshot_id: string | null;
  readonly error: RunError | null;
}

/** What can happen to a run. */
export type RunFact =
  | { readonly type: 'started'; readonly at_ms: number }
  | { readonly type: 'created'; readonly at_ms: number; readonly snapshot_id: string }
  | { readonly type: 'unchanged'; readonly at_ms: number }
  | {
      readonly type: 'failed';
      readonly at_ms: number;
      readonly error: RunError;
      readonly retry_ms: number | null;
    }
  | { readonly type: 'interrupted'; readonly at_ms: number }
  | { readonly type: 'cancelled'; readonly at_ms: number; readonly actor: string };

type Wish = Pick<
  BackupRun,
  | 'backup_id'
  | 'source'
  | 'backup_type'
  | 'reason'
  | 'schedule'
  | 'walk'
  | 'compression'
  | 'correlationid'
  | 'actor'
  | 'requested_ms'
>;

/** A run that somebody, or the schedule, wants. */
export function requestedRun(wish: Wish): BackupRun {
  return {
    ...wish,
    status: 'requested',
    attempt: 0,
    started_ms: null,
    finished_ms: null,
    not_before_ms: wish.requested_ms,
    snapshot_id: null,
    error: null,
  };
}

/** The run after a fact. */
export function evolve(run: BackupRun, fact: RunFact): BackupRun {
  switch (fact.type) {
    case 'started':
      return {
        ...run,
        status: 'running',
        attempt: run.attempt + 1,
        started_ms: fact.at_ms,
        finished_ms: null,
      };
    case 'created':
      return {
        ...run,
        status: 'created',
        finished_ms: fact.at_ms,
        snapshot_id: fact.snapshot_id,
        error: null,
      };
    case 'unchanged':
      return { ...run, status: 'unchanged', finished_ms: fact.at_ms, error: null };
    case 'cancelled':
      return { ...run, status: 'cancelled', finished_ms: fact.at_ms, actor: fact.actor, error: null };
    case 'interrupted':
      return { ...run, status: 'retrying', not_before_ms: fact.at_ms };
    case 'failed':
      return {
        ...run,
        status: fact.retry_ms === null ? 'failed' : 'retrying',
        finished_ms: fact.at_ms,
        not_before_ms: fact.retry_ms ?? run.not_before_ms,
        error: fact.error,
      };
  }
}

const OVER: ReadonlySet<BackupRun['status']> = new Set(['created', 'unchanged', 'failed', 'cancelled']);

/** Over, for good or bad. */
export function isOver(run: BackupRun): boolean {
  return OVER.has(run.status);
}
