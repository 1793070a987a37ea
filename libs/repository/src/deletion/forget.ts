import type { Engine } from '../engine.ts';
import { fromStorage } from '../errors.ts';
import { type StoredSnapshot, snapshotName } from '../snapshot/snapshot-object.ts';
import { sealTombstone, type Tombstone, tombstoneName } from './tombstone-object.ts';
import { withCacheReserve, withReserve } from './with-reserve.ts';

export interface ForgetOptions {
  /** For whoever finds the tombstone: a rule, a person. */
  readonly reason?: string;
}

/**
 * Removes snapshots, the tombstone of each first: one that is gone without a tombstone was removed by somebody else. Ids
 * as `snapshot` takes them; rejects with `snapshot_not_found` before anything is removed. A run that is cut short is
 * repeated. What only they reached stays in the store until `prune`.
 */
export async function forgetSnapshots(
  engine: Engine,
  ids: readonly string[],
  options: ForgetOptions = {},
): Promise<void> {
  const snapshots: StoredSnapshot[] = [];
  try {
    await withCacheReserve(engine.store, async () => {
      for (const id of ids.slice(snapshots.length)) snapshots.push(await engine.snapshots.one(id));
    });
    for (const snapshot of snapshots) await forget(withReserve(engine), snapshot, options.reason ?? '');
  } catch (error) {
    throw fromStorage(error);
  }
}

async function forget(engine: Engine, snapshot: StoredSnapshot, reason: string): Promise<void> {
  const { id, host, source, time_ms } = snapshot;
  await putTombstone(engine, id, { reason, snapshot: { host, source, time_ms } });
  await engine.store.delete(snapshotName(id));
  engine.snapshots.remove(id);
}

/** Notes that a snapshot was forgotten; one that is noted already stays noted as it was. */
export async function putTombstone(
  engine: Engine,
  id: string,
  about: Pick<Tombstone, 'reason' | 'snapshot'>,
): Promise<void> {
  const tombstone = sealTombstone(engine.keys, id, { version: 1, time_ms: engine.now_ms(), ...about });
  await engine.store.put(tombstoneName(id), tombstone);
}
