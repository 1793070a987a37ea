import { listPending, type PendingWriterState } from '../deletion/pending-list.ts';
import type { Engine } from '../engine.ts';
import { damaged, type RepositoryError } from '../errors.ts';
import { SNAPSHOT_PREFIX, type StoredSnapshot, snapshotName } from '../snapshot/snapshot-object.ts';
import { Reach } from './reach.ts';

/** Who needs packs at this moment. */
export interface Look {
  /** Writers whose snapshot's place is still free. */
  readonly open: readonly PendingWriterState[];
  /** Writers whose snapshot's place is taken: they need nothing of their own any more. */
  readonly done: readonly PendingWriterState[];
  /** Newest first. */
  readonly snapshots: readonly StoredSnapshot[];
}

/**
 * Pending objects first, then snapshots, then the index: a writer that is not in the one list is in the other. Rejects
 * with `repo_damaged` where it cannot be known what is needed.
 */
export async function lookAround(engine: Engine): Promise<Look> {
  const writers = await listPending(engine);
  const snapshots = await engine.snapshots.all();
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
  };
}

/** All that is needed: takes in what is new since `reach` was filled before. */
export async function reachOf(engine: Engine, look: Look, reach = new Reach(engine)): Promise<Reach> {
  const streams = new Set<string>();
  for (const snapshot of look.snapshots) {
    const stream = JSON.stringify([snapshot.host, snapshot.source]);
    if (!streams.has(stream)) await addSnapshot(engine, reach, { snapshot, is_newest: true });
    streams.add(stream);
  }
  for (const snapshot of look.snapshots) await addSnapshot(engine, reach, { snapshot, is_newest: false });
  for (const { announced } of [...look.open, ...look.done]) {
    for (const pending of announced) if (pending?.tree) await reach.addPending(pending.tree);
  }
  return reach;
}

async function addSnapshot(
  engine: Engine,
  reach: Reach,
  { snapshot, is_newest }: { snapshot: StoredSnapshot; is_newest: boolean },
): Promise<void> {
  const [lost] = await reach.addSnapshot(snapshot.tree, { is_newest });
  if (lost === undefined) return;
  // Forgotten since the listing, and what it alone reached may be gone.
  const standing = await engine.snapshots.all();
  if (standing.some(({ id }) => id === snapshot.id)) {
    throw cannotKnow(`snapshot ${snapshot.id}: ${Error.isError(lost) ? lost.message : ''}`, lost);
  }
}

function cannotKnow(what: string, cause: unknown): RepositoryError {
  return damaged(
    `nothing is deleted while it cannot be known what is needed: ${what}; see repo check and repo repair`,
    cause,
  );
}
