import type { RetainedBackup } from '../../domain/retention/state.ts';
import type { BackupState } from '../state.ts';
import type { CatalogedBackup } from './retention-table.ts';

/** The backups of a source, with what they are kept for. */
export function pinnedBackups(state: BackupState, source: string): RetainedBackup[] {
  const pinOf = pinsNow(state);
  return state.retention.of(source).map((backup) => ({ ...backup, pin: pinOf(backup) }));
}

/** What open losses, and attacks that nobody has released, want of a backup; as it stands now. */
export function pinsNow({
  cases,
  quarantines,
}: BackupState): (backup: Pick<CatalogedBackup, 'snapshot_id' | 'source'>) => RetainedBackup['pin'] {
  const { snapshots, unresolved_sources } = cases.pins();
  const attacked = new Set(quarantines.list().map(({ source }) => source));
  return ({ snapshot_id, source }) => {
    if (snapshots.has(snapshot_id)) return 'pinned';
    if (unresolved_sources.has(source)) return 'loss_open';
    return attacked.has(source) ? 'mass_change' : null;
  };
}
