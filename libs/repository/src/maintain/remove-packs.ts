import type { DatabaseSync } from 'node:sqlite';
import { isStorageError } from '@holdfast/storage/blob-store';
import type { Engine } from '../engine.ts';
import { isRepositoryError } from '../errors.ts';
import { indexedPacks, indexedTable, type PackRow } from '../index/index-database.ts';
import { packName } from '../pack/pack-name.ts';
import { readPackFooter } from '../pack/pack-reader.ts';
import { Slice } from '../slice.ts';
import { type Look, takeStock } from './look.ts';
import { markPacks } from './mark-packs.ts';
import { packContents } from './pack-contents.ts';
import type { Reach } from './reach.ts';
import { rewriteIndexes } from './rewrite-indexes.ts';

/** Packs that shall go. */
export interface Candidates {
  /** Ids of packs that the index names. */
  readonly packs: readonly string[];
  /** Packs that no index object named. */
  readonly litter: readonly { id: string; size: number }[];
  /** Also packs that a writer has announced, who may be dead: one that lives finds them marked, and stores them again. */
  readonly even_announced?: boolean;
}

/**
 * Deletes packs that nothing needs, by the protocol of docs/repository-format.md, "Deleting": marks them, looks around
 * again, and keeps what has come to be needed, and what no unmarked pack holds besides. The ids of those that it deleted.
 */
export async function removePacks(
  engine: Engine,
  { packs, litter, even_announced = false }: Candidates,
  earlier: Reach,
): Promise<string[]> {
  await markPacks(engine, [...packs, ...litter.map(({ id }) => id)]);
  const { look, reach } = await takeStock(engine, earlier);
  using view = await engine.index.view();
  const indexed = new Map(indexedPacks(view).map((pack) => [pack.id, pack]));
  const named = even_announced ? new Set<string>() : namedByWriters(look);
  const goes: string[] = [];
  for (const id of packs.filter((pack) => !named.has(pack))) {
    const pack = indexed.get(id);
    // One that is no longer in the index somebody else is deleting.
    if (pack !== undefined && (await mayGo(engine, { pack, view, reach }))) goes.push(id);
  }
  for (const pack of litter.filter(({ id }) => !indexed.has(id) && !named.has(id))) {
    if (await isLitter(engine, pack, reach)) goes.push(pack.id);
  }
  await rewriteIndexes(engine, new Set(goes));
  for (const id of goes) await engine.store.delete(packName(id));
  return goes;
}

function namedByWriters(look: Look): Set<string> {
  const announced = [...look.open, ...look.done].flatMap((writer) => writer.announced);
  return new Set(announced.flatMap((pending) => pending?.packs ?? []));
}

/**
 * What anything needs of these chunks is in packs that nobody has marked. Whoever deletes looks at the marks after he set
 * his own, so that of two who each rely on the other's copy at least one keeps his.
 */
async function isHeldElsewhere(
  engine: Engine,
  chunks: readonly { readonly prefix: Buffer }[],
  reach: Reach,
): Promise<boolean> {
  const slice = new Slice();
  for (const { prefix } of chunks) {
    if (reach.chunks.flagsOf(prefix) !== 0 && !engine.index.lookup.has(prefix)) return false;
    await slice.rest();
  }
  return true;
}

async function mayGo(
  engine: Engine,
  { pack, view, reach }: { pack: PackRow; view: DatabaseSync; reach: Reach },
): Promise<boolean> {
  try {
    const { table } = await packContents(engine, view, pack);
    return await isHeldElsewhere(engine, table.chunks, reach);
  } catch (error) {
    if (!isStorageError(error, 'not_found')) throw error;
    // The pack itself is gone: what the index says of it decides whether its name may go too.
    return isHeldElsewhere(engine, indexedTable(view, pack.id).table.chunks, reach);
  }
}

/** A listing of the index that missed an object must not cost a pack: its own footer says what is in it. */
async function isLitter(engine: Engine, pack: { id: string; size: number }, reach: Reach): Promise<boolean> {
  try {
    const { table } = await readPackFooter(engine.store, engine.keys, pack);
    return await isHeldElsewhere(engine, table.chunks, reach);
  } catch (error) {
    // What was torn when it was written names nothing, and is nobody's to delete: check tells of it, and repair.
    if (!isRepositoryError(error, 'repo_damaged') && !isStorageError(error, 'not_found')) throw error;
    return false;
  }
}
