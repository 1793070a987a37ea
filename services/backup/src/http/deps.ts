import type { BackupManifest } from '@holdfast/contracts/backup-events';
import { HoldfastError } from '@holdfast/contracts/errors';
import type { SnapshotDeps } from '../adapters/backup-run/make-snapshot.ts';
import { toKnownError } from '../adapters/backup-run/run-error.ts';
import type { Runner } from '../adapters/backup-run/runner.ts';
import type { Cleaner } from '../adapters/retention/cleaner.ts';
import type { Scheduler } from '../adapters/schedule/scheduler.ts';
import type { SpaceWatch } from '../adapters/storage/watch-space.ts';
import type { Mover } from '../adapters/tiers/mover.ts';
import type { BackupMetrics } from '../metrics.ts';

/** What the routes stand on; each takes what it needs. */
export interface RouteDeps extends SnapshotDeps {
  readonly runner: Runner;
  readonly cleaner: Cleaner;
  readonly scheduler: Scheduler;
  readonly mover: Mover;
  readonly space: SpaceWatch;
  readonly metrics: BackupMetrics;
}

/** What the engine rejects with, as the error that a reply is made of; `interrupted` where whoever asked is gone. */
export async function answered<Answer>(work: Promise<Answer>, signal?: AbortSignal): Promise<Answer> {
  try {
    return await work;
  } catch (error) {
    if (signal?.aborted) throw new HoldfastError('interrupted', 'the request was ended', { cause: error });
    throw toKnownError(error);
  }
}

/** The manifest; `not_found` names the id. */
export function requireManifest({ state }: Pick<RouteDeps, 'state'>, backup_id: string): BackupManifest {
  const manifest = state.catalog.get(backup_id);
  if (manifest === undefined) throw new HoldfastError('not_found', `there is no backup ${backup_id}`);
  return manifest;
}
