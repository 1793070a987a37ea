import type { BackupManifest } from '@holdfast/contracts/backup-events';
import type { ListedBackup } from '@holdfast/contracts/http/backup';
import { timestamp } from '@holdfast/runtime/clock';
import type { BackupState } from '../adapters/state.ts';

/** The copies of a backup as people see them, the nearest first. */
export function locationsOf(
  { copies }: BackupState,
  { backup_id }: BackupManifest,
): ListedBackup['locations'] {
  return copies.of(backup_id).map(({ tier, snapshot_id, verified_ms }) => ({
    tier,
    snapshot_id,
    verified_at: verified_ms === null ? null : timestamp(verified_ms),
  }));
}
