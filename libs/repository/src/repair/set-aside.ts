import { putTombstone } from '../deletion/forget.ts';
import type { Engine } from '../engine.ts';
import { isRepositoryError } from '../errors.ts';
import { takeStock } from '../maintain/look.ts';
import { markPacks } from '../maintain/mark-packs.ts';
import { removePacks } from '../maintain/remove-packs.ts';
import { snapshotName } from '../snapshot/snapshot-object.ts';

/** From now on nobody comes to rely on what is in a damaged pack: a backup or a copy stores it anew. */
export async function markDamaged(engine: Engine, packs: readonly string[]): Promise<void> {
  if (packs.length === 0) return;
  await engine.index.refresh();
  await markPacks(engine, packs);
}

/** Deletes packs that can be done without, by the protocol of all deletions. The ids of those that it deleted. */
export async function deletePacks(engine: Engine, packs: readonly string[]): Promise<string[]> {
  if (packs.length === 0) return [];
  try {
    const { reach } = await takeStock(engine);
    return await removePacks(engine, { packs, litter: [], even_announced: true }, reach);
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
