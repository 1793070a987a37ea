import { evolve } from '../domain/backup-run/state.ts';
import type { SnapshotDeps } from './make-snapshot.ts';
import { fulfil } from './obligations.ts';
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
  const missing = state.catalog.snapshotIds().filter((id) => !there.has(id));
  const now_ms = context.clock.now_ms();
  state.write(() => {
    for (const snapshot of untold) {
      const manifest = manifestOf(snapshot);
      const run = state.runs.get(manifest.backup_id);
      tellCreated(state, manifest, { time_ms: snapshot.time_ms, run });
      if (run !== undefined) fulfil(deps, run);
      state.runs.remove(manifest.backup_id);
    }
    for (const id of missing) state.catalog.markMissing(id, now_ms);
    for (const run of state.runs.open()) {
      if (run.status === 'running') state.runs.put(evolve(run, { type: 'interrupted', at_ms: now_ms }));
    }
  });
  if (missing.length > 0) context.log.warn({ missing }, 'backups are gone from the repository');
  if (untold.length > 0)
    context.log.info({ told: untold.length }, 'told of backups that a crash had kept untold');
  return { told: untold.length, missing: missing.length };
}
