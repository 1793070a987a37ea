/** Everything that repair takes away goes through here: the one place that knows how this repository deletes. */
import { OBJECT_TYPE } from '../crypto/envelope.ts';
import { sealObject } from '../crypto/sealed-object.ts';
import type { Engine } from '../engine.ts';
import { snapshotName } from '../snapshot/snapshot-object.ts';

/** Packs that no index names any more. They stay: litter, until maintenance takes it. */
export async function setPacksAside(_engine: Engine, _packs: readonly string[]): Promise<void> {
  // Nobody relies on them: readers go by the index.
}

/** A snapshot that is gone or cannot be read: noted as forgotten, so that nobody misses it; then its object goes. */
export async function forgetSnapshot(engine: Engine, id: string): Promise<void> {
  const name = `tombstones/${id}`;
  const body = Buffer.from(JSON.stringify({ version: 1, snapshot_id: id, reason: 'damaged' }), 'utf8');
  await engine.store.put(name, sealObject(engine.keys, { type: OBJECT_TYPE.tombstone, name }, body));
  await engine.store.delete(snapshotName(id));
}
