import type { DatabaseSync } from 'node:sqlite';
import { isStorageError } from '@holdfast/storage/blob-store';
import type { Engine } from '../engine.ts';
import { isRepositoryError } from '../errors.ts';
import { indexedTable, type PackRow } from '../index/index-database.ts';
import { type OpenedPack, readPackFooter } from '../pack/pack-reader.ts';

/**
 * What a pack holds, by its own footer; where that cannot be read, by the index, which has to look through all chunks for it.
 * Rejects with the store's `not_found` where the pack is gone.
 */
export async function packContents(
  engine: Engine,
  view: DatabaseSync,
  pack: Pick<PackRow, 'id' | 'size'>,
): Promise<Pick<OpenedPack, 'header' | 'table'>> {
  try {
    return await readPackFooter(engine.store, engine.keys, pack);
  } catch (error) {
    const is_unreadable = isStorageError(error, 'failed') || isStorageError(error, 'short');
    if (!isRepositoryError(error, 'repo_damaged') && !is_unreadable) throw error;
    return indexedTable(view, pack.id);
  }
}
