import type { DatabaseSync } from 'node:sqlite';
import type { Engine } from '../engine.ts';
import { eachIndexedBlock, eachIndexedChunk, indexedPacks } from '../index/index-database.ts';
import { Slice } from '../slice.ts';
import { IN_NEWEST, isBySnapshot, type Reach } from './reach.ts';

/** How much of a pack is still needed. */
export interface PackUse {
  readonly id: string;
  /** Bytes of the object. */
  readonly size: number;
  /** Somebody wants to delete it: nobody comes to rely on it any more. */
  readonly is_marked: boolean;
  /**
   * Of its size, what the chunks take that only this pack serves: by their share of each block, and of what the pack
   * needs besides blocks. All of it where nothing in it is waste: however small it is, writing it anew frees nothing.
   */
  readonly live_bytes: number;
  /** Chunks that are needed and that no other pack serves. */
  readonly live_chunks: number;
  /** Raw bytes of the blocks that a restore of the newest snapshots decodes, and what it needs of them. */
  readonly newest_decoded: number;
  readonly newest_bytes: number;
}

export interface Measured {
  readonly packs: readonly PackUse[];
  /** Distinct chunks that snapshots reach and the index names. */
  readonly found_by_snapshots: number;
}

interface Block {
  readonly sealed: number;
  readonly raw: number;
  live: number;
  newest: number;
}

interface Tally {
  readonly id: string;
  readonly size: number;
  readonly is_marked: boolean;
  readonly blocks: Block[];
  live_chunks: number;
}

interface Place {
  readonly tally: Tally;
  readonly block: number;
  readonly length: number;
}

/** Looks at every chunk of the index once. A chunk that several packs hold is served by one of them: see `servesBefore`. */
export async function measurePacks(engine: Engine, reach: Reach): Promise<Measured> {
  using db = await engine.index.view();
  const tallies = readTallies(engine, db);
  const slice = new Slice();
  let found_by_snapshots = 0;
  let flags = 0;
  let last: Buffer | undefined;
  let serving: Place | undefined;
  const settle = () => {
    if (serving !== undefined && flags !== 0) count(serving, flags);
  };
  for (const { prefix, pack, block, length } of eachIndexedChunk(db)) {
    const tally = tallies.get(pack);
    if (tally === undefined) continue;
    const place = { tally, block, length };
    if (last?.equals(prefix) && serving !== undefined) {
      if (servesBefore(tally, serving.tally)) serving = place;
      continue;
    }
    settle();
    last = prefix;
    serving = place;
    flags = reach.chunks.flagsOf(prefix);
    if (isBySnapshot(flags)) found_by_snapshots += 1;
    await slice.rest();
  }
  settle();
  return { packs: [...tallies.values()].map(useOf), found_by_snapshots };
}

/** Every pruner chooses the same one, as far as it knows the same marks: the first unmarked one by its id. */
export function servesBefore(
  one: { id: string; is_marked: boolean },
  other: { id: string; is_marked: boolean },
): boolean {
  if (one.is_marked !== other.is_marked) return other.is_marked;
  return one.id < other.id;
}

function readTallies(engine: Engine, db: DatabaseSync): Map<number, Tally> {
  const tallies = new Map<number, Tally>();
  for (const { number, id, size } of indexedPacks(db)) {
    const is_marked = engine.index.isMarked(id);
    tallies.set(number, { id, size, is_marked, blocks: [], live_chunks: 0 });
  }
  for (const { pack, number, sealed_length, raw_length } of eachIndexedBlock(db)) {
    const blocks = tallies.get(pack)?.blocks;
    if (blocks !== undefined) blocks[number] = { sealed: sealed_length, raw: raw_length, live: 0, newest: 0 };
  }
  return tallies;
}

function count({ tally, block: number, length }: Place, flags: number): void {
  const block = tally.blocks[number];
  tally.live_chunks += 1;
  if (block === undefined) return;
  block.live += length;
  if ((flags & IN_NEWEST) !== 0) block.newest += length;
}

function useOf({ id, size, is_marked, blocks, live_chunks }: Tally): PackUse {
  let [sealed_bytes, sealed_live, newest_decoded, newest_bytes] = [0, 0, 0, 0];
  for (const { sealed, raw, live, newest } of blocks) {
    sealed_bytes += sealed;
    sealed_live += raw === 0 ? 0 : sealed * Math.min(1, live / raw);
    newest_decoded += newest === 0 ? 0 : raw;
    newest_bytes += newest;
  }
  const live_bytes = sealed_bytes === 0 ? 0 : size * (sealed_live / sealed_bytes);
  return { id, size, is_marked, live_bytes, live_chunks, newest_decoded, newest_bytes };
}
