import type { CheckRequest } from '../api.ts';
import type { Engine } from '../engine.ts';
import { fromStorage, isRepositoryError, throwIfAborted } from '../errors.ts';
import { insertUnnamed } from '../index/index-batch.ts';
import { IndexCache } from '../index/index-cache.ts';
import { indexedPacks, seenSnapshots } from '../index/index-database.ts';
import type { IndexedPack } from '../index/index-object.ts';
import { ChunkReader } from '../read/chunk-reader.ts';
import { NodeReader } from '../read/node-reader.ts';
import { forgottenIds, missingSnapshots, type Sightings } from '../snapshot/missing-snapshots.ts';
import { SnapshotList } from '../snapshot/snapshot-list.ts';
import { SNAPSHOT_PREFIX, type StoredSnapshot, snapshotName } from '../snapshot/snapshot-object.ts';
import { checkPacks } from './check-packs.ts';
import { checkSmallObjects } from './check-sealed.ts';
import { TreeCheck } from './check-trees.ts';
import { Findings } from './findings.ts';
import { type PackSizes, packSizes, readUnindexedPacks } from './unindexed-packs.ts';

/** Checks what the store has, trusting nothing that is kept locally. Every problem names the paths that it reaches. */
export async function checkRepository(engine: Engine, request: CheckRequest): Promise<void> {
  try {
    using survey = await surveyStore(engine, request);
    const { findings, unindexed } = survey;
    const trees = new TreeCheck({ engine: survey.engine, findings, unindexed: idsOf(unindexed.packs) });
    for (const snapshot of survey.snapshots) {
      throwIfAborted(request.signal);
      await trees.check(snapshot);
    }
    findings.leave(await forgottenMeanwhile(survey));
    for (const problem of findings.problems()) request.on_problem(problem);
  } catch (error) {
    throw fromStorage(error);
  }
}

/** Snapshots that were there when the check began, and were forgotten since: prune may have taken what they needed. */
async function forgottenMeanwhile({ engine, snapshots }: Survey): Promise<Set<string>> {
  const standing = new Set(await Array.fromAsync(engine.store.names(SNAPSHOT_PREFIX)));
  const gone = snapshots.filter(({ id }) => !standing.has(snapshotName(id)));
  if (gone.length === 0) return new Set();
  const forgotten = await forgottenIds(engine);
  return new Set(gone.flatMap(({ id }) => (forgotten.has(id) ? [id] : [])));
}

/** What the store has and what of it is damaged, before anybody has looked at the trees. */
export interface Survey extends Disposable {
  /** Reads by an index of its own, made just now from the store; it knows the packs, too, that no index object names. */
  readonly engine: Engine;
  readonly findings: Findings;
  readonly snapshots: readonly StoredSnapshot[];
  readonly damaged_snapshots: readonly string[];
  /** Ids that others name as made before them, or that this host has seen, and that are neither there nor forgotten. */
  readonly missing_snapshots: readonly string[];
  /** Ids of snapshots that were forgotten on purpose. */
  readonly forgotten: ReadonlySet<string>;
  readonly sizes: PackSizes;
  readonly unindexed: { readonly packs: readonly IndexedPack[]; readonly unreadable: readonly string[] };
}

/** Reads all but the trees. */
export async function surveyStore(
  engine: Engine,
  request: Omit<CheckRequest, 'on_problem'> & { read_unindexed?: boolean },
): Promise<Survey> {
  const index = new IndexCache(engine.store, engine.keys);
  try {
    const chunks = new ChunkReader({ store: engine.store, keys: engine.keys, index });
    const list = new SnapshotList(engine.store, engine.keys);
    const fresh: Engine = { ...engine, index, chunks, nodes: new NodeReader(chunks), snapshots: list };
    const findings = new Findings();
    const seen = seenSnapshots(engine.index.db);
    // Snapshots first: what they reach was indexed before they were committed.
    const snapshots = await list.all();
    await index.refresh();
    await checkSmallObjects(fresh, findings);
    await readMarks(fresh);
    const forgotten = await forgottenIds(fresh);
    const missing_snapshots = checkSnapshots(fresh, findings, { listed: snapshots, forgotten, seen });
    const sizes = await currentSizes(fresh);
    for (const [name, error] of index.damaged) findings.add(name, error.message);
    const unindexed = await readUnindexedPacks(fresh, sizes);
    await insertUnnamed(index.db, unindexed.packs);
    const unread = request.read_unindexed ? new Set<string>() : idsOf(unindexed.packs);
    await checkPacks(fresh, findings, { sizes, request, unread });
    const damaged_snapshots = [...list.damaged.keys()];
    return {
      engine: fresh,
      findings,
      snapshots,
      damaged_snapshots,
      missing_snapshots,
      forgotten,
      sizes,
      unindexed,
      [Symbol.dispose]: () => index[Symbol.dispose](),
    };
  } catch (error) {
    index[Symbol.dispose]();
    throw error;
  }
}

/** Those that cannot be read are findings already. */
async function readMarks(engine: Engine): Promise<void> {
  try {
    await engine.index.refreshMarks();
  } catch (error) {
    if (!isRepositoryError(error, 'repo_damaged')) throw error;
  }
}

/** The packs that stand; where one is missing, maintenance may have taken it since the index was read: read that again. */
async function currentSizes(engine: Engine): Promise<PackSizes> {
  const sizes = await packSizes(engine);
  if (indexedPacks(engine.index.db).every(({ id }) => sizes.has(id))) return sizes;
  await engine.index.refresh();
  return packSizes(engine);
}

function checkSnapshots(engine: Engine, findings: Findings, snapshots: Omit<Sightings, 'damaged'>): string[] {
  const { listed, forgotten, seen } = snapshots;
  const { damaged } = engine.snapshots;
  for (const [id, error] of damaged) {
    findings.add(snapshotName(id), error.message);
    findings.reach(snapshotName(id), { snapshot_id: id, path: '/', until: null });
  }
  const missing = missingSnapshots({ listed, damaged, forgotten, seen });
  for (const [id, why] of missing) {
    findings.add(snapshotName(id), `it is missing, and ${why}`);
    findings.reach(snapshotName(id), { snapshot_id: id, path: '/', until: null });
  }
  return [...missing.keys()];
}

/** The ids of packs. */
export function idsOf(packs: readonly IndexedPack[]): Set<string> {
  return new Set(packs.map(({ id }) => id));
}
