import type { DatabaseSync } from 'node:sqlite';
import type { ChunkFigures, RepositoryStats, Snapshot } from '../api.ts';
import type { Engine } from '../engine.ts';
import { fromStorage } from '../errors.ts';
import { openIndexReadOnly } from '../index/index-database.ts';
import { INDEX_PREFIX } from '../index/index-object.ts';
import { PACK_PREFIX } from '../pack/pack-name.ts';
import { SNAPSHOT_PREFIX } from '../snapshot/snapshot-object.ts';
import { ReachedChunks, type Use } from './reached-chunks.ts';

/** What the repository holds and what it takes; with `chosen` what that one snapshot needs, and alone needs. */
export async function repositoryStats(engine: Engine, chosen?: Snapshot): Promise<RepositoryStats> {
  try {
    const snapshots = await engine.snapshots.all();
    await engine.index.refresh();
    using db = openIndexReadOnly(engine.index.file);
    const others = new ReachedChunks(engine, db, 'reached');
    for (const snapshot of snapshots) if (snapshot.id !== chosen?.id) await others.add(snapshot);
    const one = new ReachedChunks(engine, db, 'chosen');
    if (chosen !== undefined) await one.add(chosen);
    const counted = chosen === undefined ? snapshots : [chosen];
    return {
      snapshots: counted.length,
      files: counted.reduce((sum, { files }) => sum + files, 0),
      bytes: counted.reduce((sum, { bytes }) => sum + bytes, 0),
      ...usesOf(db, chosen === undefined ? 'reached' : 'chosen'),
      ...(chosen !== undefined && { only_here: onlyChosen(db) }),
      stored: await storedFigures(engine, db),
    };
  } catch (error) {
    throw fromStorage(error);
  }
}

/** Each chunk once, with its share of the block that it lies in. */
const PLACED = `
  SELECT wanted.use AS use, chunk.length AS length,
    chunk.length * 1.0 * block.sealed_length / max(1, block.raw_length) AS stored
  FROM wanted JOIN chunk ON chunk.prefix = wanted.prefix
    JOIN block ON block.pack = chunk.pack AND block.number = chunk.block
  GROUP BY wanted.prefix`;

function figures(db: DatabaseSync, wanted: string, use?: Use): ChunkFigures {
  const where = use === undefined ? '' : `WHERE use = '${use}'`;
  const row = db
    .prepare(
      `WITH wanted AS (${wanted}) SELECT count(*) AS chunks, coalesce(sum(length), 0) AS bytes,
        coalesce(round(sum(stored)), 0) AS bytes_stored FROM (${PLACED}) ${where}`,
    )
    .get();
  return row as unknown as ChunkFigures;
}

function usesOf(db: DatabaseSync, table: 'reached' | 'chosen') {
  const wanted = `SELECT prefix, use FROM ${table}`;
  return { content: figures(db, wanted, 'content'), trees: figures(db, wanted, 'tree') };
}

function onlyChosen(db: DatabaseSync): ChunkFigures {
  return figures(db, 'SELECT prefix, use FROM chosen WHERE prefix NOT IN (SELECT prefix FROM reached)');
}

async function storedFigures(engine: Engine, db: DatabaseSync): Promise<RepositoryStats['stored']> {
  const one = (sql: string) => db.prepare(sql).get() as Record<string, number>;
  const { packs = 0, indexed = 0 } = one(
    'SELECT count(*) AS packs, coalesce(sum(size), 0) AS indexed FROM pack',
  );
  const { blocks = 0, sealed = 0 } = one(
    'SELECT count(*) AS blocks, coalesce(sum(sealed_length), 0) AS sealed FROM block',
  );
  const { chunks = 0 } = one('SELECT count(DISTINCT prefix) AS chunks FROM chunk');
  const reached = figures(db, 'SELECT prefix, use FROM reached UNION SELECT prefix, use FROM chosen');
  const pack_bytes = await bytesUnder(engine, PACK_PREFIX);
  return {
    packs,
    blocks,
    chunks,
    pack_bytes,
    index_bytes: await bytesUnder(engine, INDEX_PREFIX),
    snapshot_bytes: await bytesUnder(engine, SNAPSHOT_PREFIX),
    waste_bytes: Math.max(0, sealed - reached.bytes_stored),
    unindexed_bytes: Math.max(0, pack_bytes - indexed),
  };
}

async function bytesUnder(engine: Engine, prefix: string): Promise<number> {
  let bytes = 0;
  for await (const { size } of engine.store.list(prefix)) bytes += size;
  return bytes;
}
