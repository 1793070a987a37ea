import { sealMarks } from '../deletion/marks-object.ts';
import type { Engine } from '../engine.ts';

/** Marks packs for deletion, those that are not marked yet, and reads the marks anew: own ones and those of others. */
export async function markPacks(engine: Engine, packs: readonly string[]): Promise<void> {
  const unmarked = packs.filter((id) => !engine.index.isMarked(id));
  if (unmarked.length > 0) {
    const { name, object } = sealMarks(engine.keys, { time_ms: engine.now_ms(), packs: unmarked });
    await engine.store.put(name, object);
  }
  await engine.index.refreshMarks();
}
