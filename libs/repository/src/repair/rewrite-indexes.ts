import { isStorageError } from '@holdfast/storage/blob-store';
import type { Engine } from '../engine.ts';
import { isRepositoryError } from '../errors.ts';
import { INDEX_PREFIX, type IndexedPack, openIndex, splitForIndexes } from '../index/index-object.ts';
import { putIndex } from '../index/put-index.ts';

export interface IndexChange {
  /** Packs that no index names yet. */
  readonly add: readonly IndexedPack[];
  /** Ids of packs that none is to name any more. */
  readonly take_out: ReadonlySet<string>;
  /** Damaged index objects that nothing is lost with. */
  readonly damaged: readonly string[];
  readonly dry_run: boolean;
}

/**
 * Puts index objects that are as wanted in the place of those that are not: the new ones first, then the old ones go. The
 * names of those.
 */
export async function rewriteIndexes(engine: Engine, change: IndexChange): Promise<string[]> {
  const packs = new Map(change.add.map((pack) => [pack.id, pack]));
  const old: string[] = [];
  for await (const name of engine.store.names(INDEX_PREFIX)) {
    const named = await readIndex(engine, name);
    if (named === undefined || named.every(({ id }) => !change.take_out.has(id))) continue;
    old.push(name);
    for (const pack of named) if (!change.take_out.has(pack.id)) packs.set(pack.id, pack);
  }
  old.push(...change.damaged);
  if (change.dry_run) return old;
  for (const some of splitForIndexes([...packs.values()])) await putIndex(engine, some);
  for (const name of old) await engine.store.delete(name);
  return old;
}

async function readIndex(engine: Engine, name: string): Promise<IndexedPack[] | undefined> {
  try {
    return openIndex(engine.keys, name, await engine.store.get(name));
  } catch (error) {
    // Damaged ones are dealt with by name; one that somebody has just replaced is no concern of ours.
    if (!isRepositoryError(error) && !isStorageError(error, 'not_found')) throw error;
    return undefined;
  }
}
