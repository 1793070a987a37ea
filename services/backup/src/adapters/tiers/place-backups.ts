import { Slice } from '@holdfast/repository/slice';
import { decideTiersInSteps } from '../../domain/tiers/decide.ts';
import type { Placement, TieredBackup } from '../../domain/tiers/state.ts';
import type { SnapshotDeps } from '../backup-run/make-snapshot.ts';
import { inSlices } from '../in-slices.ts';
import { markAll } from '../mark-all.ts';
import { pinnedBackups, pinsNow } from '../retention/pinned-backups.ts';
import type { BackupState } from '../state.ts';

/**
 * Where each backup belongs, and what is to be done; source by source, in slices. With `marks` what is to be dropped is
 * marked, in transactions in which that is still right.
 */
export async function placeBackups(deps: SnapshotDeps, { marks } = { marks: false }): Promise<Placement[]> {
  const all: Placement[] = [];
  for (const source of deps.state.retention.sources()) {
    let placements: Placement[];
    do placements = await decideSource(deps, source);
    while (marks && !(await markDrops(deps, placements)));
    for (const placement of placements) all.push(placement);
  }
  return all;
}

async function decideSource(deps: SnapshotDeps, source: string): Promise<Placement[]> {
  const { state, settings, context } = deps;
  const slice = new Slice();
  const backups: TieredBackup[] = [];
  for (const backup of await pinnedBackups(state, source, slice)) {
    const copies = state.copies.of(backup.backup_id).map(({ tier, verified_ms, is_bad }) => ({
      ...{ tier, is_bad, is_verified: verified_ms !== null },
    }));
    if (copies.length > 0) backups.push({ ...backup, copies });
    await slice.rest();
  }
  return inSlices(decideTiersInSteps(backups, settings.tier_policy, context.clock.now_ms()), slice);
}

/** False where something came meanwhile that one of them may have to stay for; those that are marked go all the same. */
function markDrops({ state }: SnapshotDeps, placements: readonly Placement[]): Promise<boolean> {
  const drops = placements.flatMap(({ backup, step, tier, reasons }) =>
    step.do === 'drop' ? [{ backup, from: step.tier, why: `moved to ${tier}: ${reasons.join(', ')}` }] : [],
  );
  return markAll(state, drops, {
    holds: (some) => {
      const pinOf = pinsNow(state);
      return some.every(
        ({ backup, from }) =>
          pinOf(backup) === null && !isChanged(state, backup) && isElsewhere(state, backup.backup_id, from),
      );
    },
    mark: ({ backup, from, why }) => state.copies.markGoing({ backup_id: backup.backup_id, tier: from }, why),
  });
}

/** Held, found damaged, or removed since it was decided. */
function isChanged({ retention }: BackupState, before: TieredBackup): boolean {
  const now = retention.get(before.backup_id);
  return now === undefined || now.is_bad !== before.is_bad || (now.hold !== null) !== (before.hold !== null);
}

/** True while another tier holds a copy that was read back. */
function isElsewhere({ copies }: BackupState, backup_id: string, from: string): boolean {
  return copies
    .of(backup_id)
    .some(({ tier, verified_ms, is_bad }) => tier !== from && verified_ms !== null && !is_bad);
}
