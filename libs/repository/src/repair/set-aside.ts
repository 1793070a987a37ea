import { putTombstone } from '../deletion/forget.ts';
import type { Engine } from '../engine.ts';
import { isRepositoryError } from '../errors.ts';
import { takeStock } from '../maintain/look.ts';
import { markPacks } from '../maintain/mark-packs.ts';
import { removePacks } from '../maintain/remove-packs.ts';
import { snapshotName } from '../snapshot/snapshot-object.ts';

/**
 * Damaged packs are marked, so that nobody comes to rely on what is in them and a backup stores it anew; those that can be
 * done without are then deleted by the protocol of all deletions. The ids of those that were deleted.
 */
export async function setPacksAside(
  engine: Engine,
  packs: { readonly bad: readonly string[]; readonly dispensable: readonly string[] },
): Promise<string[]> {
  if (packs.bad.length === 0) return [];
  await engine.index.refresh();
  await markPacks(engine, packs.bad);
  if (packs.dispensable.length === 0) return [];
  try {
    const { reach } = await takeStock(engine);
    return await removePacks(engine, { packs: packs.dispensable, litter: [] }, reach);
  } catch (error) {
    // While a snapshot cannot be read, nobody knows what is needed: then nothing is deleted.
    if (!isRepositoryError(error, 'repo_damaged')) throw error;
    return [];
  }
}

/** A snapshot that is gone or cannot be read: noted as forgotten, so that nobody misses it; then its object goes. */
export async function forgetLost(engine: Engine, id: string): Promise<void> {
  await putTombstone(engine, id, { reason: 'it was lost or damaged, and repaired', snapshot: null });
  await engine.store.delete(snapshotName(id));
}
