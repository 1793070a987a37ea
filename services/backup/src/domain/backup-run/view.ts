import type { BackupRunView } from '@holdfast/contracts/http/backup';
import type { BackupRun } from './state.ts';

/** A run as HTTP tells of it. */
export function runView(run: BackupRun, progress: BackupRunView['progress']): BackupRunView {
  return {
    backup_id: run.backup_id,
    source: run.source,
    backup_type: run.backup_type,
    reason: run.reason,
    group_id: run.group,
    status: run.status,
    attempt: run.attempt,
    requested_at: new Date(run.requested_ms).toISOString(),
    next_attempt_at: run.status === 'retrying' ? new Date(run.not_before_ms).toISOString() : null,
    error: run.error,
    progress,
  };
}
