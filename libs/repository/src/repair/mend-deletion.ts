import { putTombstone } from '../deletion/forget.ts';
import { MARKS_PREFIX, sealMarks } from '../deletion/marks-object.ts';
import { revokeWriter } from '../deletion/pending-list.ts';
import { PENDING_PREFIX, snapshotOfPending } from '../deletion/pending-object.ts';
import { TOMBSTONE_PREFIX, tombstoneName } from '../deletion/tombstone-object.ts';
import type { Engine } from '../engine.ts';

/**
 * Damaged objects of those that keep deletions safe are replaced; the names of them. It comes before all else that a repair
 * changes: while marks cannot be read, nobody may write. No maintenance may run meanwhile: what it has just marked, and
 * which can no longer be read, would be relied on.
 */
export async function mendDeletion(
  engine: Engine,
  damaged: readonly string[],
  options: { dry_run: boolean },
): Promise<string[]> {
  const kinds: readonly [string, (engine: Engine, name: string) => Promise<void>][] = [
    [MARKS_PREFIX, replaceMarks],
    [TOMBSTONE_PREFIX, replaceTombstone],
    [PENDING_PREFIX, giveUpPending],
  ];
  const mended: string[] = [];
  for (const name of damaged) {
    const [, mend] = kinds.find(([prefix]) => name.startsWith(prefix)) ?? [];
    if (mend === undefined) continue;
    if (!options.dry_run) await mend(engine, name);
    mended.push(name);
  }
  return mended;
}

/**
 * A new marks object makes every writer look at all that it relies on, by an index that is read anew: packs that were
 * deleted are not in it. Those that were marked and still stand are marked again by the next maintenance.
 */
async function replaceMarks(engine: Engine, name: string): Promise<void> {
  const empty = sealMarks(engine.keys, { time_ms: engine.now_ms(), packs: [] });
  await engine.store.put(empty.name, empty.object);
  await engine.store.delete(name);
}

/** That it is there says what matters. A crash in between leaves a snapshot that check misses: it is forgotten again. */
async function replaceTombstone(engine: Engine, name: string): Promise<void> {
  const id = name.slice(TOMBSTONE_PREFIX.length);
  await engine.store.delete(tombstoneName(id));
  await putTombstone(engine, id, { reason: 'its tombstone was damaged', snapshot: null });
}

/** Nobody knows what it protects: its writer, if it lives, starts over. */
async function giveUpPending(engine: Engine, name: string): Promise<void> {
  const id = snapshotOfPending(name);
  if (id !== undefined) await revokeWriter(engine, id);
  await engine.store.delete(name);
}
