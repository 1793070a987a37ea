import type { DatabaseSync } from 'node:sqlite';
import { isStorageError } from '@holdfast/storage/blob-store';
import type { Engine } from '../engine.ts';
import { isRepositoryError, throwIfAborted } from '../errors.ts';
import { type ChunkLocation, indexedPacks } from '../index/index-database.ts';
import { packName } from '../pack/pack-name.ts';
import { PackWriter } from '../pack/pack-writer.ts';
import { Slice } from '../slice.ts';
import { PackStore } from '../write/pack-store.ts';
import { ChunkSet } from './chunk-set.ts';
import { packContents } from './pack-contents.ts';
import { IN_NEWEST, IS_NODE, type Reach } from './reach.ts';

export interface Evacuated {
  /** Packs of which everything that is needed was copied. */
  readonly packs: readonly string[];
  /** Packs that stay as they are: something in them cannot be read. */
  readonly damaged: readonly string[];
  readonly bytes_written: number;
}

export interface EvacuateOptions {
  /** Ids of the packs that shall be emptied. */
  readonly packs: readonly string[];
  /** Ids of the packs that shall go without being emptied: no copy in them counts as one that stays. */
  readonly dropped?: readonly string[];
  readonly signal?: AbortSignal | undefined;
  /** Called with the id of each pack that was worked off. */
  readonly on_pack_done?: ((pack: string) => void) | undefined;
}

interface WantedChunk {
  readonly prefix: Buffer;
  readonly flags: number;
  readonly place: ChunkLocation;
}

/**
 * Copies what is needed of packs into new ones, durable and indexed when it resolves; each chunk once, and only where no
 * pack that stays holds it. What the newest snapshots hold lies by itself, so that a restore of them decodes little else.
 */
export async function evacuatePacks(
  engine: Engine,
  reach: Reach,
  options: EvacuateOptions,
): Promise<Evacuated> {
  const store = new PackStore(engine);
  try {
    return await evacuateInto(store, { engine, reach, options });
  } catch (error) {
    // What cannot be taken back is litter for the next prune; how it came to this is what the caller has to hear.
    await takeBack(engine, store).catch(() => undefined);
    throw error;
  }
}

/** New packs that no index names: nobody can rely on them, and where the disk is full they are what fills it. */
async function takeBack(engine: Engine, store: PackStore): Promise<void> {
  await store.settled();
  for (const id of store.unnamed_ids) await engine.store.delete(packName(id));
}

async function evacuateInto(
  store: PackStore,
  { engine, reach, options }: { engine: Engine; reach: Reach; options: EvacuateOptions },
): Promise<Evacuated> {
  const writer = new PackWriter(engine.keys, { compress: true, on_pack: store.put });
  const leaving = new Set([...options.packs, ...(options.dropped ?? [])]);
  using view = await engine.index.view();
  const sizes = new Map(indexedPacks(view).map(({ id, size }) => [id, size]));
  const left = new Map<string, 'damaged' | 'gone'>();
  const run = { engine, view, reach, writer, store, leaving, copied: new ChunkSet() };
  for (const is_newest of [true, false]) {
    for (const id of options.packs) {
      throwIfAborted(options.signal);
      if (left.has(id)) continue;
      const outcome = await copyPack(run, { id, size: sizes.get(id) }, is_newest);
      if (outcome !== 'copied') left.set(id, outcome);
      else if (!is_newest) options.on_pack_done?.(id);
    }
    writer.endBlocks();
  }
  writer.flush();
  await store.checkpoint();
  const packs = options.packs.filter((pack) => !left.has(pack));
  const damaged = [...left.keys()].filter((pack) => left.get(pack) === 'damaged');
  return { packs, damaged, bytes_written: store.bytes_stored };
}

interface Run {
  readonly engine: Engine;
  readonly view: DatabaseSync;
  readonly reach: Reach;
  readonly writer: PackWriter;
  readonly store: PackStore;
  /** Packs that shall go. */
  readonly leaving: ReadonlySet<string>;
  readonly copied: ChunkSet;
}

/**
 * Copies what is wanted of the newest snapshots, or of all others. `damaged`, `gone`: something of it cannot be read, or
 * somebody has deleted the pack since it was chosen, so that the index names it no more. What was copied by then harms nothing.
 */
async function copyPack(
  run: Run,
  { id, size }: { id: string; size: number | undefined },
  is_newest: boolean,
): Promise<'copied' | 'damaged' | 'gone'> {
  if (size === undefined) return 'gone';
  try {
    const wanted = await wantedChunks(run, { id, size });
    await copyChunks(
      run,
      wanted.filter(({ flags }) => ((flags & IN_NEWEST) !== 0) === is_newest),
    );
    return 'copied';
  } catch (error) {
    if (isStorageError(error, 'not_found')) return 'gone';
    if (!isRepositoryError(error, 'repo_damaged')) throw error;
    return 'damaged';
  }
}

/** What anything needs of a pack and only packs that leave hold, in the order in which it lies there. */
async function wantedChunks(run: Run, pack: { id: string; size: number }): Promise<WantedChunk[]> {
  const { header, table } = await packContents(run.engine, run.view, pack);
  const slice = new Slice();
  const wanted: WantedChunk[] = [];
  for (const { prefix, block, offset, length } of table.chunks) {
    const flags = run.reach.chunks.flagsOf(prefix);
    const of = table.blocks[block];
    if (flags === 0 || of === undefined || staysElsewhere(run, prefix)) continue;
    const { offset: block_offset, sealed_length, raw_length, codec } = of;
    const in_block = { block, block_offset, sealed_length, raw_length, codec, offset, length };
    wanted.push({ prefix, flags, place: { pack: pack.id, pack_header: header, ...in_block } });
    await slice.rest();
  }
  return wanted.sort(
    (one, other) => one.place.block - other.place.block || one.place.offset - other.place.offset,
  );
}

function staysElsewhere({ engine, leaving, copied }: Run, prefix: Buffer): boolean {
  if (copied.flagsOf(prefix) !== 0) return true;
  const places = engine.index.lookup.locate(prefix);
  return places.some(({ pack }) => !leaving.has(pack) && !engine.index.isMarked(pack));
}

async function copyChunks(run: Run, wanted: readonly WantedChunk[]): Promise<void> {
  const slice = new Slice();
  for (const { prefix, flags, place } of wanted) {
    const { id, data } = await run.engine.chunks.readAt(prefix, place);
    run.writer.add(id, data, (flags & IS_NODE) === 0 ? 'data' : 'node');
    run.copied.add(id, 1);
    await run.store.room();
    await slice.rest();
  }
}
