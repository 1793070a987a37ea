import type { StoredEvent } from '@holdfast/event-store/event-store';
import { isRepositoryError } from '@holdfast/repository/errors';
import type { VersionFinder } from '../adapters/version-finder.ts';
import type { RecoveryQueue } from '../recovery-queue.ts';

/** A new snapshot is the first place to look from now on, and those that wait for one look again. */
export async function onBackupCreated(
  deps: { finder: VersionFinder; queue: RecoveryQueue },
  { event }: StoredEvent<'BackupCreated'>,
): Promise<void> {
  const { snapshot_id, sources } = event.data.manifest;
  try {
    await deps.finder.onSnapshot(snapshot_id);
  } catch (error) {
    // Told late: it has been removed since.
    if (!isRepositoryError(error, 'snapshot_not_found')) throw error;
  }
  for (const { source } of sources) deps.queue.onBackup(source);
}
