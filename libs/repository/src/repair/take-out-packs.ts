import { isStorageError } from '@holdfast/storage/blob-store';
import type { Survey } from '../check/check-repository.ts';
import { idsOf } from '../check/check-repository.ts';
import { RepositoryError } from '../errors.ts';
import { indexedChunks, indexedTable } from '../index/index-database.ts';
import { packName } from '../pack/pack-name.ts';
import { healthyChunks } from '../pack/pack-reader.ts';
import { releaseMemory } from '../release-memory.ts';
import type { ChunkMender } from './chunk-mender.ts';

/**
 * The damaged packs that can be done without, once what is sound in them is stored again. One that holds the last of a
 * chunk that a snapshot needs, damaged as it is, is not among them.
 */
export async function salvagePacks(
  survey: Survey,
  mender: ChunkMender,
  is_node: (id: Buffer) => boolean,
): Promise<string[]> {
  const unindexed = idsOf(survey.unindexed.packs);
  const dispensable: string[] = [];
  for (const pack of [...survey.findings.bad_packs].sort()) {
    const is_indexed = !unindexed.has(pack);
    if (is_indexed && (await holdsUnmended(survey, mender, pack))) continue;
    await salvage(survey, mender, { pack, is_node, leaving: survey.findings.bad_packs });
    if (is_indexed) dispensable.push(pack);
  }
  return dispensable;
}

/**
 * Stores again what is in sound packs that somebody is about to delete. Rejects with `storage_failed` where one is gone
 * already: a repair that is run again finds out what else there is.
 */
export async function rescuePacks(
  survey: Survey,
  mender: ChunkMender,
  { packs, is_node }: { packs: ReadonlySet<string>; is_node: (id: Buffer) => boolean },
): Promise<void> {
  const leaving = new Set([...survey.findings.bad_packs, ...packs]);
  for (const pack of packs) {
    if (await salvage(survey, mender, { pack, is_node, leaving })) continue;
    throw new RepositoryError(
      'storage_failed',
      `${packName(pack)} was deleted while it was needed: a prune ran beside this repair; run it again`,
    );
  }
}

async function holdsUnmended(survey: Survey, mender: ChunkMender, pack: string): Promise<boolean> {
  if (!mender.is_any_unmended) return false;
  for await (const prefix of indexedChunks(survey.engine.index.db, pack)) {
    if (mender.isUnmended(prefix)) return true;
  }
  return false;
}

/**
 * Sound chunks that lie in no sound pack but those that are leaving, those that no snapshot needs too: a backup that runs now
 * may rely on them. False: the pack cannot be read.
 */
async function salvage(
  survey: Survey,
  mender: ChunkMender,
  from: { pack: string; is_node: (id: Buffer) => boolean; leaving: ReadonlySet<string> },
): Promise<boolean> {
  const { engine, findings } = survey;
  let data: Buffer;
  try {
    data = await engine.store.get(packName(from.pack));
  } catch (error) {
    // Nothing can be had from it, and nothing that is needed is only there.
    if (!isStorageError(error)) throw error;
    return false;
  }
  const indexed = indexedTable(engine.index.db, from.pack);
  for (const { id, data: bytes } of healthyChunks(engine.keys, { id: from.pack, ...indexed }, data)) {
    const places = engine.index.lookup.locate(id);
    const is_elsewhere = places.some(({ pack }) => !from.leaving.has(pack) && !findings.isLost(id, pack));
    if (is_elsewhere || mender.has(id)) continue;
    await mender.salvage(id, bytes, from.is_node(id) ? 'node' : 'data');
  }
  releaseMemory(data);
  return true;
}
