import { sealMarks } from '../deletion/marks-object.ts';
import type { Engine } from '../engine.ts';
import { indexedPacks, indexedTable } from '../index/index-database.ts';
import { packName } from '../pack/pack-name.ts';
import { Slice } from '../slice.ts';
import { type Look, lookAround, reachOf } from './look.ts';
import type { Reach } from './reach.ts';
import { rewriteIndexes } from './rewrite-indexes.ts';

/**
 * Deletes packs that nothing needs, by the protocol of docs/repository-format.md, "Deleting": marks them, looks around
 * again, and keeps what has come to be needed, and what no unmarked pack holds besides. The ids of those that it deleted.
 */
export async function removePacks(engine: Engine, packs: readonly string[], reach: Reach): Promise<string[]> {
  const unmarked = packs.filter((id) => !engine.index.isMarked(id));
  if (unmarked.length > 0) {
    const { name, object } = sealMarks(engine.keys, { time_ms: Date.now(), packs: unmarked });
    await engine.store.put(name, object);
  }
  await engine.index.refreshMarks();
  const look = await lookAround(engine);
  await reachOf(engine, look, reach);
  const indexed = new Set(indexedPacks(engine.index.db).map(({ id }) => id));
  const named = namedByWriters(look);
  const goes: string[] = [];
  for (const id of packs) {
    if (named.has(id)) continue;
    if (!indexed.has(id) || (await isHeldElsewhere(engine, id, reach))) goes.push(id);
  }
  await rewriteIndexes(engine, new Set(goes));
  for (const id of goes) await engine.store.delete(packName(id));
  return goes;
}

function namedByWriters(look: Look): Set<string> {
  const announced = [...look.open, ...look.done].flatMap((writer) => writer.announced);
  return new Set(announced.flatMap((pending) => pending?.packs ?? []));
}

/** Every chunk of the pack that anything needs is in a pack that nobody has marked: whoever deletes looks at the marks after setting his own, so that not both copies go. */
async function isHeldElsewhere(engine: Engine, pack: string, reach: Reach): Promise<boolean> {
  const { table } = await indexedTable(engine.index.db, pack);
  const slice = new Slice();
  for (const { id } of table.chunks) {
    if (reach.chunks.flagsOf(id) !== 0 && !engine.index.lookup.has(id)) return false;
    await slice.rest();
  }
  return true;
}
