import { HOT } from '@holdfast/runtime/repository-place';
import { evolve } from '../domain/backup-run/state.ts';
import type { Copy } from './copy-table.ts';
import type { SnapshotDeps } from './make-snapshot.ts';
import { fulfil } from './obligations.ts';
import type { BackupState } from './state.ts';
import { hasManifest, manifestOf, tellCreated } from './tell-created.ts';

/**
 * At start: makes catalog and repository agree. A snapshot that was committed and never told of (a crash came between)
 * is told now; one that is gone leaves the catalog; runs that were under way start again.
 */
export async function reconcile(deps: SnapshotDeps): Promise<{ told: number; missing: number }> {
  const { state, context, repository } = deps;
  const snapshots = (await repository.snapshots({ host: context.host })).toReversed();
  const untold = snapshots.filter(
    (snapshot) => hasManifest(snapshot) && !state.catalog.hasSnapshot(snapshot.id),
  );
  const there = new Set(snapshots.map((snapshot) => snapshot.id));
  const missing = state.copies.in(HOT).filter(({ snapshot_id }) => !there.has(snapshot_id));
  const now_ms = context.clock.now_ms();
  state.write(() => {
    for (const snapshot of untold) {
      const manifest = manifestOf(snapshot);
      const run = state.runs.get(manifest.backup_id);
      tellCreated(state, manifest, { time_ms: snapshot.time_ms, run });
      if (run !== undefined) fulfil(deps, run);
      state.runs.remove(manifest.backup_id);
    }
    for (const copy of missing) miss(state, copy, now_ms);
    for (const run of state.runs.open()) {
      if (run.status === 'running') state.runs.put(evolve(run, { type: 'interrupted', at_ms: now_ms }));
    }
  });
  if (missing.length > 0) {
    const ids = missing.map(({ backup_id }) => backup_id);
    context.log.warn({ missing: ids }, 'backups are gone from the repository');
  }
  if (untold.length > 0)
    context.log.info({ told: untold.length }, 'told of backups that a crash had kept untold');
  return { told: untold.length, missing: missing.length };
}

/** Inside `write`: a snapshot is gone that nobody told of. The backup lives on where another tier has a copy. */
function miss(state: BackupState, { backup_id, tier, snapshot_id }: Copy, now_ms: number): void {
  const kept_in = state.copies.of(backup_id).flatMap((copy) => (copy.tier === tier ? [] : [copy.tier]));
  if (kept_in.length === 0) {
    state.copies.remove(backup_id, tier);
    state.catalog.markMissing(snapshot_id, now_ms);
    return;
  }
  const data = { backup_id, tier, snapshot_id, kept_in, reason: 'gone from the repository' };
  state.tell('BackupCopyRemoved', { subject: backup_id, data });
}
