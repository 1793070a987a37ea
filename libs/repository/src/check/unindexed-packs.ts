import type { Engine } from '../engine.ts';
import { isRepositoryError } from '../errors.ts';
import { indexedPacks } from '../index/index-database.ts';
import type { IndexedPack } from '../index/index-object.ts';
import { PACK_PREFIX } from '../pack/pack-name.ts';
import { readPackFooter } from '../pack/pack-reader.ts';

/** Sizes of all packs that stand, by id. */
export type PackSizes = ReadonlyMap<string, number>;

/** Lists the packs. */
export async function packSizes(engine: Engine): Promise<PackSizes> {
  const sizes = new Map<string, number>();
  for await (const { name, size } of engine.store.list(PACK_PREFIX)) {
    sizes.set(name.slice(name.lastIndexOf('/') + 1), size);
  }
  return sizes;
}

/**
 * Packs that no index names, by their own footers: all where an index was lost; else the litter of backups that were
 * cut short. Those whose footer cannot be read are in `unreadable`.
 */
export async function readUnindexedPacks(
  engine: Engine,
  sizes: PackSizes,
): Promise<{ packs: IndexedPack[]; unreadable: string[] }> {
  const known = new Set(indexedPacks(engine.index.db).map(({ id }) => id));
  const packs: IndexedPack[] = [];
  const unreadable: string[] = [];
  for (const [id, size] of sizes) {
    if (known.has(id)) continue;
    try {
      const { header, table_bytes } = await readPackFooter(engine.store, engine.keys, { id, size });
      packs.push({ id, size, header, table: table_bytes });
    } catch (error) {
      if (!isRepositoryError(error) && !(Error.isError(error) && error.name === 'StorageError')) throw error;
      unreadable.push(id);
    }
  }
  return { packs, unreadable };
}
