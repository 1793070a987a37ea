import type { Engine } from '../engine.ts';
import { RepositoryError } from '../errors.ts';
import { type IndexedPack, sealIndex, splitForIndexes } from '../index/index-object.ts';

/** Names packs that no index names yet in new index objects; after that, damaged index objects that are of no use any more go. */
export async function replaceIndexes(
  engine: Engine,
  change: { readonly add: readonly IndexedPack[]; readonly damaged: readonly string[] },
): Promise<void> {
  for (const packs of splitForIndexes([...change.add])) {
    const { name, object } = sealIndex(engine.keys, packs);
    if (!(await engine.store.put(name, object))) {
      throw new RepositoryError(
        'storage_failed',
        `${name} is taken, though nobody else could choose this name`,
      );
    }
  }
  for (const name of change.damaged) await engine.store.delete(name);
}
