import { isStorageError } from '@holdfast/storage/blob-store';
import type { Engine } from '../engine.ts';
import { INDEX_PREFIX, type IndexedPack, openIndex, splitForIndexes } from '../index/index-object.ts';
import { putIndex } from '../index/put-index.ts';

/** Index objects smaller than this are merged once there are many. */
const SMALL_BYTES = 256 * 1024;
const MERGE_COUNT = 8;

interface ReadIndex {
  readonly name: string;
  readonly size: number;
  readonly packs: readonly IndexedPack[];
  readonly is_small: boolean;
  readonly is_stale: boolean;
}

/** What one new index object can hold is replaced at a time: on a disk that is nearly full there is room for no more. */
const BATCH_BYTES = 2 << 20;

/**
 * Index objects that name one of these packs are replaced by others that do not, and many small ones by few. The new
 * ones are durable before an old one is deleted.
 */
export async function rewriteIndexes(engine: Engine, removed: ReadonlySet<string>): Promise<void> {
  const candidates = await readCandidates(engine, removed);
  const merges = candidates.filter(({ is_small }) => is_small).length >= MERGE_COUNT;
  const stale = candidates.filter(({ is_stale }) => is_stale || merges);
  if (stale.length === 0) return;
  for (const batch of inBatches(stale)) await replace(engine, batch, removed);
  engine.index.drop({ objects: stale.map(({ name }) => name), packs: [...removed] });
}

function* inBatches(stale: readonly ReadIndex[]): Generator<ReadIndex[]> {
  let [batch, bytes]: [ReadIndex[], number] = [[], 0];
  for (const object of stale) {
    batch.push(object);
    bytes += object.size;
    if (bytes < BATCH_BYTES) continue;
    yield batch;
    [batch, bytes] = [[], 0];
  }
  if (batch.length > 0) yield batch;
}

async function replace(
  engine: Engine,
  batch: readonly ReadIndex[],
  removed: ReadonlySet<string>,
): Promise<void> {
  const kept = new Map<string, IndexedPack>();
  for (const pack of batch.flatMap(({ packs }) => packs)) if (!removed.has(pack.id)) kept.set(pack.id, pack);
  for (const packs of splitForIndexes([...kept.values()])) await putIndex(engine, packs);
  for (const { name } of batch) await engine.store.delete(name);
}

/** Index objects that name a removed pack, and small ones; memory holds no others. */
async function readCandidates(engine: Engine, removed: ReadonlySet<string>): Promise<ReadIndex[]> {
  const candidates: ReadIndex[] = [];
  for (const name of await Array.fromAsync(engine.store.names(INDEX_PREFIX))) {
    const object = await engine.store.get(name).catch((error: unknown) => {
      // Another maintenance has replaced it.
      if (isStorageError(error, 'not_found')) return undefined;
      throw error;
    });
    if (object === undefined) continue;
    const packs = openIndex(engine.keys, name, object);
    const is_small = object.length < SMALL_BYTES;
    const is_stale = packs.some(({ id }) => removed.has(id));
    if (is_small || is_stale) candidates.push({ name, size: object.length, packs, is_small, is_stale });
  }
  return candidates;
}
