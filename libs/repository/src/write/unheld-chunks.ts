import type { Engine } from '../engine.ts';
import { isRepositoryError } from '../errors.ts';
import { type ChunkKind, PackWriter } from '../pack/pack-writer.ts';
import { Slice } from '../slice.ts';
import { eachChunk } from '../tree/each-chunk.ts';
import type { PackStore } from './pack-store.ts';

export interface UnheldChunk {
  readonly id: Buffer;
  readonly kind: ChunkKind;
}

/** Inside the engine only: what a writer relied on was deleted; it has to write anew. */
export class ChunksGoneError extends Error {
  override readonly name = 'ChunksGoneError';
}

/** True for one of any realm. */
export function isChunksGone(error: unknown): error is ChunksGoneError {
  return Error.isError(error) && error.name === 'ChunksGoneError';
}

/**
 * Chunks of a tree that no unmarked pack of the index holds. Rejects with ChunksGoneError where a node of the tree
 * is not to be had any more.
 */
export async function unheldChunks(engine: Engine, tree: string): Promise<UnheldChunk[]> {
  const unheld = new Map<string, UnheldChunk>();
  try {
    for await (const { id, kind } of eachChunk(engine, tree)) {
      if (!engine.index.lookup.has(id)) unheld.set(id.toString('hex'), { id: Buffer.from(id), kind });
    }
  } catch (error) {
    throw asGone(error);
  }
  return unheldAfterAll(engine, [...unheld.values()]);
}

/**
 * Those that are not held on a second look either. Another process that shares the cache may empty it at any time: a tree
 * must not be stored again for that.
 */
async function unheldAfterAll(engine: Engine, chunks: UnheldChunk[]): Promise<UnheldChunk[]> {
  if (chunks.length === 0) return chunks;
  // In this order, as in a commit: no pack may count that was indexed only after the marks were listed.
  await engine.index.refresh();
  await engine.index.refreshMarks();
  return chunks.filter(({ id }) => !engine.index.lookup.has(id));
}

/** Stores chunks anew, from marked packs that still stand. Rejects with ChunksGoneError where one does not. */
export async function storeAgain(
  engine: Engine,
  packs: PackStore,
  chunks: readonly UnheldChunk[],
): Promise<void> {
  const writer = new PackWriter(engine.keys, { compress: true, on_pack: packs.put });
  const slice = new Slice();
  for (const { id, kind } of chunks) {
    writer.add(id, await readOrGone(engine, id), kind);
    await packs.room();
    await slice.rest();
  }
  writer.flush();
  await packs.checkpoint();
}

async function readOrGone(engine: Engine, id: Buffer): Promise<Buffer> {
  try {
    return await engine.chunks.read(id);
  } catch (error) {
    throw asGone(error);
  }
}

/** Damage to what a writer relied on, as ChunksGoneError; any other error as it is. */
export function asGone(error: unknown): unknown {
  if (!isRepositoryError(error, 'repo_damaged')) return error;
  return new ChunksGoneError('what this backup relied on was deleted meanwhile', { cause: error });
}
