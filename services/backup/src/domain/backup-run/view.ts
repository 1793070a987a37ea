import type { BackupRun } from './state.ts';

/** What a person sees of a run that has no manifest yet, or never will. */
export interface RunView {
  readonly backup_id: string;
  readonly source: string;
  readonly backup_type: string;
  readonly reason: string;
  readonly status: BackupRun['status'];
  readonly attempt: number;
  readonly requested_at: string;
  readonly next_attempt_at: string | null;
  readonly error: BackupRun['error'];
}

/** The run as HTTP tells it. */
export function runView(run: BackupRun): RunView {
  return {
    backup_id: run.backup_id,
    source: run.source,
    backup_type: run.backup_type,
    reason: run.reason,
    status: run.status,
    attempt: run.attempt,
    requested_at: new Date(run.requested_ms).toISOString(),
    next_attempt_at: run.status === 'retrying' ? new Date(run.not_before_ms).toISOString() : null,
    error: run.error,
  };
}
