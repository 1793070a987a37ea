import { announcement } from '../../domain/backup-run/decide.ts';
import { evolve } from '../../domain/backup-run/state.ts';
import type { SnapshotDeps } from '../backup-run/make-snapshot.ts';
import { hasManifest, manifestOf, tellCreated } from '../backup-run/tell-created.ts';
import { fulfil } from '../schedule/obligations.ts';
import { tellVanished } from './tell-vanished.ts';

/**
 * At start: makes catalog and repository agree. A snapshot that was committed and never told of (a crash came between)
 * is told now, as is one that was missed and is there again; one that is gone is told of too; runs that were under way start again,
 * those of sources that the configuration has no more are cancelled.
 */
export async function reconcile(deps: SnapshotDeps): Promise<{ told: number; missing: number }> {
  const { state, context, repository } = deps;
  const snapshots = (await repository.snapshots({ host: context.host })).toReversed();
  const untold = snapshots.filter(
    (snapshot) =>
      hasManifest(snapshot) &&
      (!state.catalog.hasSnapshot(snapshot.id) ||
        state.catalog.isMissed(String(snapshot.metadata['backup_id']))),
  );
  const now_ms = context.clock.now_ms();
  state.write(() => {
    for (const snapshot of untold) {
      const manifest = manifestOf(snapshot);
      state.catalog.revive(manifest.backup_id);
      const run = state.runs.get(manifest.backup_id);
      tellCreated(state, manifest, { time_ms: snapshot.time_ms, run });
      if (run !== undefined) fulfil(deps, run);
      state.runs.remove(manifest.backup_id);
    }
    endUnknown(deps, now_ms);
    for (const run of state.runs.open()) {
      if (run.status === 'running') state.runs.put(evolve(run, { type: 'interrupted', at_ms: now_ms }));
    }
  });
  if (untold.length > 0)
    context.log.info({ told: untold.length }, 'told of backups that a crash had kept untold');
  return { told: untold.length, missing: await tellVanished(deps, { even_all: true }) };
}

/** Nobody would ever start them, and others of their group would wait. */
function endUnknown({ state, settings }: SnapshotDeps, at_ms: number): void {
  const known = new Set(settings.sources.map(({ name }) => name));
  for (const run of state.runs.open()) {
    if (known.has(run.source)) continue;
    const over = evolve(run, { type: 'cancelled', at_ms, actor: 'holdfast' });
    state.runs.put(over);
    const told = announcement(over);
    const { backup_id: subject, correlationid, actor } = over;
    if (told !== null) state.tell(told.type, { subject, data: told.data, correlationid, actor });
  }
}
