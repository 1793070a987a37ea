import type { RetainedBackup } from '../../domain/retention/state.ts';
import type { BackupState } from '../state.ts';

/** The backups of a source, with what open losses want of them. */
export function pinnedBackups({ cases, retention }: BackupState, source: string): RetainedBackup[] {
  const { snapshots, unresolved_sources } = cases.pins();
  const pinOf = (snapshot_id: string): RetainedBackup['pin'] => {
    if (snapshots.has(snapshot_id)) return 'pinned';
    return unresolved_sources.has(source) ? 'loss_open' : null;
  };
  return retention.of(source).map((backup) => ({ ...backup, pin: pinOf(backup.snapshot_id) }));
}
