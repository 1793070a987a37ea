import type { EventData } from '@holdfast/contracts/catalog';
import type { RecoveryCase, RecoveryReport } from '@holdfast/contracts/http/recovery';
import type { LossCase } from './state.ts';

/** All that any of the endings may say. */
type Ending = Partial<
  EventData<'FileRecovered'> & EventData<'RecoveryFailed'> & EventData<'ManualRecoveryRequired'>
>;

/** A case as HTTP tells it. */
export function caseView(state: LossCase): RecoveryCase {
  const { case_id, recovery_id, kind, host, source, path, status, lost_at, wanted_checksum } = state;
  const ending: Ending = state.outcome?.data ?? {};
  const { checksum = null, bytes = null, exact = null, backup_id = null, snapshot_id = null } = ending;
  const { quarantined_to = null, duration_ms = null, steps_ms = null } = ending;
  const { reason = null, error = null, steps = null } = ending;
  return {
    ...{ case_id, recovery_id, kind, host, source, path, status, lost_at, wanted_checksum },
    tried: [...state.tried],
    ...{ checksum, bytes, exact, backup_id, snapshot_id, quarantined_to, duration_ms, steps_ms },
    ...{ reason, error, steps },
  };
}

/** A batch as it was opened. */
export interface RecoveryRecord {
  readonly recovery_id: string;
  readonly correlationid: string;
  readonly started_at_ms: number;
  readonly finished_at_ms: number | null;
}

function overall(cases: readonly LossCase[]): RecoveryReport['status'] {
  const good = cases.filter((each) => each.status === 'recovered' || each.status === 'superseded').length;
  if (cases.some((each) => each.status === 'detected' || each.status === 'recovering')) return 'running';
  if (good === cases.length) return 'recovered';
  return good === 0 ? 'failed' : 'partial';
}

/** The report of one batch: what was lost, what became of each file, how long it took. */
export function recoveryView(record: RecoveryRecord, cases: readonly LossCase[]): RecoveryReport {
  const count = (status: LossCase['status']) => cases.filter((each) => each.status === status).length;
  const files = cases.map(caseView);
  return {
    recovery_id: record.recovery_id,
    correlation_id: record.correlationid,
    status: overall(cases),
    started_at: new Date(record.started_at_ms).toISOString(),
    finished_at: record.finished_at_ms === null ? null : new Date(record.finished_at_ms).toISOString(),
    duration_ms: record.finished_at_ms === null ? null : record.finished_at_ms - record.started_at_ms,
    counts: {
      files: cases.length,
      recovered: count('recovered'),
      superseded: count('superseded'),
      failed: count('failed'),
      manual: count('manual'),
    },
    bytes: files.reduce((sum, file) => sum + (file.bytes ?? 0), 0),
    files,
  };
}
