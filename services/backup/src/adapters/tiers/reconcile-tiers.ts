import type { Snapshot } from '@holdfast/repository/api';
import { HOT } from '@holdfast/runtime/repository-place';
import { hasManifest, manifestOf, tellCreated } from '../backup-run/tell-created.ts';
import type { Engine } from '../engine.ts';
import { forgetIn } from '../retention/forget-snapshots.ts';
import type { MoveDeps } from './move-copy.ts';

/**
 * Makes what is noted of a tier agree with what it holds: copies that a crash kept untold, or that were made before the
 * database was lost, are taken in (they are verified before anything relies on them); those that are gone are told;
 * copies of backups that were removed meanwhile go.
 */
export async function reconcileTier(deps: MoveDeps, tier: string, repository: Engine): Promise<void> {
  const { context } = deps;
  const snapshots = (await repository.snapshots({ host: context.host })).filter(hasManifest);
  const hot = new Set((await deps.repository.snapshots({ host: context.host })).map(({ id }) => id));
  takeIn(deps, { tier, snapshots, hot });
  missOthers(deps, { tier, snapshots });
  await forgetRemoved(deps, { tier, snapshots, repository });
}

interface Found {
  readonly tier: string;
  readonly snapshots: readonly Snapshot[];
}

function takeIn({ state }: MoveDeps, { tier, snapshots, hot }: Found & { hot: ReadonlySet<string> }): void {
  state.write(() => {
    for (const snapshot of snapshots.toReversed()) {
      const backup_id = String(snapshot.metadata['backup_id']);
      if (state.copies.every(backup_id).some((copy) => copy.tier === tier)) continue;
      if (state.catalog.revive(backup_id) || !state.catalog.has(backup_id)) {
        const manifest = { ...manifestOf(snapshot), snapshot_id: originOf(snapshot) };
        tellCreated(state, manifest, { time_ms: snapshot.time_ms, run: undefined });
        state.copies.found({ backup_id, tier, snapshot_id: snapshot.id });
        if (!hot.has(manifest.snapshot_id)) state.copies.remove(backup_id, HOT);
      } else state.copies.found({ backup_id, tier, snapshot_id: snapshot.id });
    }
  });
}

/** The snapshot that it was first, in hot. */
function originOf({ id, metadata }: Snapshot): string {
  const { snapshot_id } = Object(metadata['copied_from']) as { snapshot_id?: unknown };
  return typeof snapshot_id === 'string' ? snapshot_id : id;
}

function missOthers({ state, context }: MoveDeps, { tier, snapshots }: Found): void {
  const there = new Set(snapshots.map(({ metadata }) => metadata['backup_id']));
  const missing = state.copies.in(tier).filter(({ backup_id }) => !there.has(backup_id));
  if (missing.length === 0) return;
  const now_ms = context.clock.now_ms();
  state.write(() => {
    for (const { backup_id, snapshot_id } of missing) {
      const kept_in = state.copies.of(backup_id).flatMap((copy) => (copy.tier === tier ? [] : [copy.tier]));
      const data = { backup_id, tier, snapshot_id, kept_in, reason: 'gone from the repository' };
      state.tell('BackupCopyRemoved', { subject: backup_id, data });
      const manifest = state.catalog.get(backup_id);
      if (kept_in.length === 0 && manifest !== undefined)
        state.catalog.markMissing(manifest.snapshot_id, now_ms);
    }
  });
  context.log.warn(
    { tier, missing: missing.map(({ backup_id }) => backup_id) },
    'copies are gone from a tier',
  );
}

async function forgetRemoved(
  { state }: MoveDeps,
  { tier, snapshots, repository }: Found & { repository: Engine },
): Promise<void> {
  const removed = snapshots.flatMap(({ id, metadata }) => {
    const backup_id = String(metadata['backup_id']);
    if (!state.catalog.isRemoved(backup_id)) return [];
    return [{ backup_id, tier, snapshot_id: id, verified_ms: null, is_bad: false }];
  });
  if (removed.length > 0) await forgetIn(repository, removed, 'the backup was removed');
}
