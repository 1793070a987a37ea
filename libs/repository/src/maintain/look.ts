import { listPending, type PendingWriterState } from '../deletion/pending-list.ts';
import type { Engine } from '../engine.ts';
import { damaged, RepositoryError } from '../errors.ts';
import { seenSnapshots } from '../index/index-database.ts';
import { forgottenIds, missingSnapshots } from '../snapshot/missing-snapshots.ts';
import { SNAPSHOT_PREFIX, type StoredSnapshot, snapshotName } from '../snapshot/snapshot-object.ts';
import { Reach } from './reach.ts';

const ROUNDS_MAX = 5;

/** Who needs packs at this moment. */
export interface Look {
  /** Writers whose snapshot's place is still free. */
  readonly open: readonly PendingWriterState[];
  /** Writers whose snapshot's place is taken: they need nothing of their own any more. */
  readonly done: readonly PendingWriterState[];
  /** Newest first. */
  readonly snapshots: readonly StoredSnapshot[];
  /** True: no snapshot stands, none was forgotten, none was revoked. */
  readonly is_bare: boolean;
}

/**
 * Pending objects first, then snapshots, then the index: a writer that is not in the one list is in the other. Rejects
 * with `repo_damaged` where it cannot be known what is needed.
 */
async function lookAround(engine: Engine): Promise<Look> {
  const writers = await listPending(engine);
  const { snapshots, forgotten } = await standingSnapshots(engine);
  const [broken] = engine.snapshots.damaged;
  if (broken !== undefined) throw cannotKnow(`${snapshotName(broken[0])}: ${broken[1].message}`, broken[1]);
  await engine.index.refresh();
  const [unread] = engine.index.damaged;
  if (unread !== undefined) throw cannotKnow(`${unread[0]}: ${unread[1].message}`, unread[1]);
  const taken = new Set<string>();
  for await (const name of engine.store.names(SNAPSHOT_PREFIX)) taken.add(name.slice(SNAPSHOT_PREFIX.length));
  return {
    open: writers.filter(({ snapshot_id }) => !taken.has(snapshot_id)),
    done: writers.filter(({ snapshot_id }) => taken.has(snapshot_id)),
    snapshots,
    is_bare: taken.size + forgotten.size === 0,
  };
}

/** Rejects where one is missing that was not forgotten: it may come back, and will want its packs. */
async function standingSnapshots(engine: Engine) {
  for (let round = 1; ; round += 1) {
    const seen = seenSnapshots(engine.index.db);
    const snapshots = await engine.snapshots.all();
    const forgotten = await forgottenIds(engine);
    const { damaged: broken } = engine.snapshots;
    const [missing] = missingSnapshots({ listed: snapshots, damaged: broken, forgotten, seen });
    if (missing === undefined) return { snapshots, forgotten };
    // A listing is not made at one moment: one that was put meanwhile is in the next.
    if (round === ROUNDS_MAX) throw cannotKnow(`${snapshotName(missing[0])} is missing, and ${missing[1]}`);
  }
}

/** A look, and all that is needed at that moment. */
export interface Stock {
  readonly look: Look;
  readonly reach: Reach;
}

/**
 * Looks around and takes in all that is needed. `reach` is what an earlier look found, to which this one adds; it is left
 * aside where it cannot be relied on. Rejects with `repo_damaged` where it cannot be known what is needed.
 */
export async function takeStock(engine: Engine, reach = new Reach(engine)): Promise<Stock> {
  let filled = reach;
  for (let round = 0; round < ROUNDS_MAX; round += 1) {
    const look = await lookAround(engine);
    if (await fill(engine, filled, look)) return { look, reach: filled };
    filled = new Reach(engine);
  }
  throw new RepositoryError('storage_failed', 'snapshots are forgotten faster than they can be read');
}

/** False where a snapshot was forgotten while it was read: what was passed over then must not count as known. */
async function fill(engine: Engine, reach: Reach, look: Look): Promise<boolean> {
  const streams = new Set<string>();
  const newest = look.snapshots.filter(({ host, source }) => {
    const stream = JSON.stringify([host, source]);
    return !streams.has(stream) && streams.add(stream);
  });
  for (const snapshot of newest) if (!(await add(engine, reach, { snapshot, is_newest: true }))) return false;
  for (const snapshot of look.snapshots) {
    if (!(await add(engine, reach, { snapshot, is_newest: false }))) return false;
  }
  for (const { announced } of [...look.open, ...look.done]) {
    for (const pending of announced) if (pending?.tree) await reach.addPending(pending.tree);
  }
  return true;
}

async function add(
  engine: Engine,
  reach: Reach,
  { snapshot, is_newest }: { snapshot: StoredSnapshot; is_newest: boolean },
): Promise<boolean> {
  const [lost] = await reach.addSnapshot(snapshot.tree, { is_newest });
  if (lost === undefined) return true;
  const standing = await engine.snapshots.all();
  if (!standing.some(({ id }) => id === snapshot.id)) return false;
  throw cannotKnow(`snapshot ${snapshot.id}: ${Error.isError(lost) ? lost.message : ''}`, lost);
}

function cannotKnow(what: string, cause?: unknown): RepositoryError {
  return damaged(
    `nothing is deleted while it cannot be known what is needed: ${what}; see repo check and repo repair`,
    cause,
  );
}
