import type { Engine } from '../engine.ts';
import { type IndexedPack, splitForIndexes } from '../index/index-object.ts';
import { putIndex } from '../index/put-index.ts';

/** Names packs that no index names yet in new index objects; after that, damaged index objects that are of no use any more go. */
export async function replaceIndexes(
  engine: Engine,
  change: { readonly add: readonly IndexedPack[]; readonly damaged: readonly string[] },
): Promise<void> {
  for (const packs of splitForIndexes([...change.add])) await putIndex(engine, packs);
  for (const name of change.damaged) await engine.store.delete(name);
}
