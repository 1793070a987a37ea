import { removePending, revokeWriter } from '../deletion/pending-list.ts';
import { withCacheReserve, withReserve } from '../deletion/with-reserve.ts';
import type { Engine } from '../engine.ts';
import { damaged, fromStorage, isFullCache, isRepositoryError } from '../errors.ts';
import { PACK_PREFIX } from '../pack/pack-name.ts';
import { type Evacuated, type EvacuateOptions, evacuatePacks } from './evacuate.ts';
import { type Look, takeStock } from './look.ts';
import { measurePacks, type PackUse } from './pack-use.ts';
import { DEFAULT_LIMITS, type Plan, type PlanLimits, planMaintenance } from './plan.ts';
import type { Reach } from './reach.ts';
import { removePacks } from './remove-packs.ts';

export interface PruneOptions {
  /** Says what would be done; changes nothing. */
  readonly dry_run?: boolean;
  readonly limits?: Partial<PlanLimits>;
  /** A writer that has been silent for so long is taken for dead: if it lives, it starts over. Default: a day. */
  readonly revoke_after_ms?: number;
  readonly on_progress?: (progress: PruneProgress) => void;
  readonly signal?: AbortSignal;
}

/** How much of what is rewritten is done. */
export interface PruneProgress {
  readonly packs_done: number;
  readonly bytes_done: number;
  readonly bytes_total: number;
}

export interface PruneResult {
  readonly snapshots: number;
  /** Packs and their bytes before. */
  readonly packs: number;
  readonly bytes: number;
  /** Of these bytes, what nobody needed. */
  readonly bytes_wasted: number;
  /** Packs that nothing needed, and packs of which the needed part was written anew. With `dry_run`: what would go. */
  readonly packs_removed: number;
  readonly packs_rewritten: number;
  readonly bytes_removed: number;
  readonly bytes_written: number;
  /** Packs that stay since there was no room to write anew what is needed of them: the next prune does it. */
  readonly packs_left?: number;
  /** Packs that stay since something in them cannot be read: see `check`. */
  readonly damaged: readonly string[];
  /** Writers that were taken for dead. */
  readonly writers_revoked: number;
}

const NO_PLAN: Plan = { drop: [], evacuate: [] };
const REVOKE_AFTER_MS = 24 * 60 * 60 * 1000;

/**
 * Frees what no snapshot and no writer needs, merges what is small, and gathers what churn has scattered. Other hosts may
 * back up, restore and prune at the same time; killed at any moment it leaves a sound repository. Rejects with
 * `repo_damaged`, and deletes nothing, where it cannot be known what is needed.
 */
export async function pruneRepository(engine: Engine, options: PruneOptions): Promise<PruneResult> {
  try {
    return await withCacheReserve(engine.store, () => prune(engine, options));
  } catch (error) {
    throw fromStorage(error);
  }
}

async function prune(engine: Engine, options: PruneOptions): Promise<PruneResult> {
  await engine.index.refreshMarks();
  const { look, reach } = await takeStock(engine);
  const { packs, found_by_snapshots } = await measurePacks(engine, reach);
  if (found_by_snapshots < reach.by_snapshots) throw incomplete(reach.by_snapshots - found_by_snapshots);
  // Packs without any trace of a snapshot are no litter: the snapshots are what is missing.
  const is_clear = look.open.length === 0 && !look.is_bare;
  const litter = is_clear ? await unindexedPacks(engine, packs) : [];
  const plan = look.is_bare ? NO_PLAN : planMaintenance(packs, { ...DEFAULT_LIMITS, ...options.limits });
  const before = {
    snapshots: look.snapshots.length,
    packs: packs.length + litter.length,
    bytes: sum(packs, ({ size }) => size) + sum(litter, ({ size }) => size),
    bytes_wasted: sum(packs, ({ size, live_bytes }) => size - live_bytes) + sum(litter, ({ size }) => size),
  };
  const sizes = new Map([...packs, ...litter].map(({ id, size }) => [id, size]));
  const work = { plan, litter, sizes };
  if (options.dry_run) return { ...before, ...foreseen(work) };
  const writers_revoked = await clearWriters(
    withReserve(engine),
    look,
    options.revoke_after_ms ?? REVOKE_AFTER_MS,
  );
  return { ...before, ...(await carryOut(engine, reach, { ...work, options })), writers_revoked };
}

interface Work {
  readonly plan: Plan;
  readonly litter: readonly { id: string; size: number }[];
  readonly sizes: ReadonlyMap<string, number>;
}

async function carryOut(engine: Engine, reach: Reach, work: Work & { options: PruneOptions }) {
  const { plan, litter, sizes, options } = work;
  const sizeOf = (id: string) => sizes.get(id) ?? 0;
  const bytes_total = sum(plan.evacuate, sizeOf);
  let [packs_done, bytes_done] = [0, 0];
  const evacuated = await evacuateIfThereIsRoom(engine, reach, {
    packs: plan.evacuate,
    dropped: plan.drop,
    signal: options.signal,
    on_pack_done: (pack) => {
      packs_done += 1;
      bytes_done += sizeOf(pack);
      options.on_progress?.({ packs_done, bytes_done, bytes_total });
    },
  });
  const going = { packs: [...plan.drop, ...evacuated.packs], litter };
  const gone = await removePacks(withReserve(engine), going, reach);
  const { no_room } = evacuated;
  if (no_room !== undefined && gone.length === 0) throw no_room;
  const rewritten = new Set(evacuated.packs);
  return {
    packs_removed: gone.filter((id) => !rewritten.has(id)).length,
    packs_rewritten: gone.filter((id) => rewritten.has(id)).length,
    bytes_removed: sum(gone, sizeOf),
    bytes_written: evacuated.bytes_written,
    ...(no_room !== undefined && { packs_left: plan.evacuate.length }),
    damaged: evacuated.damaged,
  };
}

/** On a full disk nothing is rewritten: what can go as it is goes first. */
async function evacuateIfThereIsRoom(
  engine: Engine,
  reach: Reach,
  options: EvacuateOptions,
): Promise<Evacuated & { readonly no_room?: unknown }> {
  try {
    return await evacuatePacks(engine, reach, options);
  } catch (error) {
    if (!isFullStore(error)) throw error;
    return { packs: [], damaged: [], bytes_written: 0, no_room: error };
  }
}

function isFullStore(error: unknown): boolean {
  return isRepositoryError(error, 'storage_full') && !isFullCache(error);
}

function foreseen({ plan, litter, sizes }: Work) {
  const gone = [...plan.drop, ...litter.map(({ id }) => id)];
  return {
    packs_removed: gone.length,
    packs_rewritten: plan.evacuate.length,
    bytes_removed: sum([...gone, ...plan.evacuate], (id) => sizes.get(id) ?? 0),
    bytes_written: 0,
    damaged: [],
    writers_revoked: 0,
  };
}

/** Pending objects whose snapshot's place is taken say nothing any more; the place of a writer that is silent is taken. */
async function clearWriters(engine: Engine, look: Look, revoke_after_ms: number): Promise<number> {
  for (const writer of look.done) await removePending(engine, writer);
  const silent_since_ms = engine.now_ms() - revoke_after_ms;
  let revoked = 0;
  for (const writer of look.open) {
    const heard_ms = Math.max(...writer.announced.map((pending) => pending?.time_ms ?? 0));
    if (heard_ms > silent_since_ms) continue;
    if (await revokeWriter(engine, writer.snapshot_id)) revoked += 1;
    await removePending(engine, writer);
  }
  return revoked;
}

/** What backups that were cut short have left: no index names it, so that nobody can rely on it. */
async function unindexedPacks(
  engine: Engine,
  packs: readonly PackUse[],
): Promise<{ id: string; size: number }[]> {
  const indexed = new Set(packs.map(({ id }) => id));
  const litter: { id: string; size: number }[] = [];
  for await (const { name, size } of engine.store.list(PACK_PREFIX)) {
    const id = name.slice(name.lastIndexOf('/') + 1);
    if (!indexed.has(id)) litter.push({ id, size });
  }
  return litter;
}

function incomplete(chunks: number) {
  return damaged(
    `nothing is deleted: ${chunks} chunks that snapshots need are in no index; see repo check and repo repair`,
  );
}

function sum<Item>(items: readonly Item[], value: (item: Item) => number): number {
  return items.reduce((total, item) => total + value(item), 0);
}
