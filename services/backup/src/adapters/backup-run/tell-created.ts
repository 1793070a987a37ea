import { BackupManifest } from '@holdfast/contracts/backup-events';
import { derivedId } from '@holdfast/event-store/new-event';
import type { Snapshot } from '@holdfast/repository/api';
import type { BackupRun } from '../../domain/backup-run/state.ts';
import type { BackupState } from '../state.ts';

/**
 * Tells BackupCreated, inside `write`, under the id that belongs to the snapshot: telling it again after a crash is
 * telling it once.
 */
export function tellCreated(
  state: BackupState,
  manifest: BackupManifest,
  { time_ms, run }: { time_ms: number; run: Pick<BackupRun, 'correlationid' | 'actor'> | undefined },
): void {
  state.tell('BackupCreated', {
    subject: manifest.backup_id,
    id: derivedId(manifest.snapshot_id, time_ms),
    data: { manifest },
    ...(run !== undefined && { correlationid: run.correlationid, actor: run.actor }),
  });
}

/** True for a snapshot of this service, false for one that `repo backup` made beside it. */
export function hasManifest(snapshot: Snapshot): boolean {
  return snapshot.metadata['manifest'] !== undefined;
}

/** The manifest that is sealed in a snapshot. Throws where it is not what the contract says. */
export function manifestOf(snapshot: Snapshot): BackupManifest {
  return BackupManifest.parse({ ...Object(snapshot.metadata['manifest']), snapshot_id: snapshot.id });
}
