import type { VerifyResult } from '@holdfast/contracts/http/backup';
import type { BackupMetrics } from '../../metrics.ts';
import type { SnapshotDeps } from '../backup-run/make-snapshot.ts';

/** Tells what a verification showed, and counts it. */
export function tellVerified(
  { state, metrics, context }: Pick<SnapshotDeps, 'state' | 'context'> & { readonly metrics: BackupMetrics },
  result: VerifyResult,
  actor: string,
): void {
  const { passed, problems, ...data } = result;
  const subject = result.backup_id;
  state.write(() =>
    passed
      ? state.tell('BackupVerified', { subject, data, actor })
      : state.tell('BackupVerificationFailed', { subject, data: { ...data, problems }, actor }),
  );
  metrics.verified(result.level, passed);
  if (!passed) context.log.error({ backup_id: subject, problems }, 'a backup does not verify');
}
