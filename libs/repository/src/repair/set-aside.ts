/** Everything that repair takes away goes through here: the one place that knows how this repository deletes. */
import { putTombstone } from '../deletion/forget.ts';
import type { Engine } from '../engine.ts';
import { markPacks } from '../maintain/mark-packs.ts';
import { snapshotName } from '../snapshot/snapshot-object.ts';

/** Packs that no index object is to name any more: no writer comes to rely on them from now on, and `prune` deletes them. */
export async function setPacksAside(engine: Engine, packs: readonly string[]): Promise<void> {
  await markPacks(engine, packs);
}

/** A snapshot that is gone or cannot be read: noted as forgotten, so that nobody misses it; then its object goes. */
export async function forgetSnapshot(engine: Engine, id: string): Promise<void> {
  await putTombstone(engine, id, { reason: 'damaged', snapshot: null });
  await engine.store.delete(snapshotName(id));
}
