import type { Snapshot } from '../api.ts';
import type { Engine } from '../engine.ts';
import { fromStorage, RepositoryError } from '../errors.ts';
import {
  openSnapshot,
  type StoredSnapshot,
  sealSnapshot,
  snapshotName,
} from '../snapshot/snapshot-object.ts';
import type { PackStore } from './pack-store.ts';
import { PendingWriter } from './pending-writer.ts';
import { storeAgain, unheldChunks } from './unheld-chunks.ts';

/** What is to be committed: a snapshot that has no id yet. */
export type SnapshotDraft = Omit<StoredSnapshot, 'id' | 'heads'>;

/** How its chunks came into the repository. */
export interface Written {
  readonly packs: PackStore;
  readonly pending: PendingWriter;
  /** Version of the marks when the first chunk was looked up. */
  readonly marks_version: number;
  /** The tree that this one was made from; undefined: every chunk of it was stored or looked up just now. */
  readonly base_tree: string | undefined;
  /** All snapshots that the writer saw, newest first. */
  readonly known: readonly Snapshot[];
}

const ROUNDS_MAX = 20;

/**
 * Makes a backup count: one put-if-absent of its snapshot, after all that it relies on is durable and nobody deletes it
 * (docs/repository-format.md, "Deleting"). After it resolves a power cut does not lose it. Rejects with
 * ChunksGoneError where something that it relied on was deleted meanwhile: then it has to be written anew.
 */
export async function commitSnapshot(
  engine: Engine,
  draft: SnapshotDraft,
  written: Written,
): Promise<StoredSnapshot> {
  const heads = headsOf(written.known);
  let { pending } = written;
  for (let round = 0; round < ROUNDS_MAX; round += 1) {
    const marks_version = await holdTree(engine, draft.tree, { ...written, pending });
    const snapshot: StoredSnapshot = { id: pending.snapshot_id, ...draft, heads };
    if (await putSnapshot(engine, snapshot)) {
      await tidyUp(engine, { snapshot, pending, marks_version });
      return snapshot;
    }
    // Somebody took us for dead. Under a new id it begins again, also the look at what is still there.
    await pending.clear();
    pending = new PendingWriter(engine, draft);
  }
  throw new RepositoryError(
    'storage_failed',
    `the snapshot was revoked ${ROUNDS_MAX} times: is the clock right?`,
  );
}

/** What saves others work. The snapshot stands: no failure from here on makes it undone, and to tell of one would make it twice. */
async function tidyUp(
  engine: Engine,
  done: { snapshot: StoredSnapshot; pending: PendingWriter; marks_version: number },
): Promise<void> {
  const { snapshot, pending, marks_version } = done;
  try {
    engine.index.rememberHeld(snapshot.tree, marks_version);
    engine.snapshots.add(snapshot);
  } catch {
    // The cache is full or locked: the next commit looks at its tree again, the next listing notes the snapshot.
  }
  try {
    await pending.clear();
  } catch {
    // The next prune removes what names a snapshot that stands.
  }
}

/** Announces the tree, and then sees to it that packs hold all of it that nobody has marked; the version of the marks. */
async function holdTree(
  engine: Engine,
  tree: string,
  written: Pick<Written, 'packs' | 'pending' | 'marks_version' | 'base_tree'>,
): Promise<number> {
  const { packs, pending } = written;
  for (let round = 0; round < ROUNDS_MAX; round += 1) {
    await pending.announceTree(tree, packs.stored_ids);
    if (round === 0 && isKnownToBeHeld(engine, written, await engine.index.refreshMarks())) {
      return written.marks_version;
    }
    // In this order: what is indexed only after the marks were listed, nobody may have seen when he set the next marks.
    await engine.index.refresh();
    const marks_version = await engine.index.refreshMarks();
    const unheld = await unheldChunks(engine, tree);
    if (unheld.length === 0) return marks_version;
    await storeAgain(engine, packs, unheld);
  }
  throw new RepositoryError('storage_failed', 'packs are marked faster than they can be stored again');
}

/** Nothing was marked since the first chunk was looked up, and what was carried over was held then. */
function isKnownToBeHeld(
  engine: Engine,
  written: Pick<Written, 'marks_version' | 'base_tree'>,
  marks_version: number,
): boolean {
  if (marks_version !== written.marks_version) return false;
  return written.base_tree === undefined || engine.index.isHeld(written.base_tree, marks_version);
}

/** False where the place is taken by a revocation. A put whose outcome is not known is looked at. */
async function putSnapshot(engine: Engine, snapshot: StoredSnapshot): Promise<boolean> {
  const name = snapshotName(snapshot.id);
  const object = sealSnapshot(engine.keys, snapshot);
  try {
    if (await engine.store.put(name, object)) return true;
  } catch (error) {
    if (await isStanding(engine, snapshot.id, object)) return true;
    throw fromStorage(error);
  }
  return isStanding(engine, snapshot.id, object);
}

async function isStanding(engine: Engine, id: string, object: Buffer): Promise<boolean> {
  try {
    const standing = await engine.store.get(snapshotName(id));
    return standing.equals(object) && openSnapshot(engine.keys, id, standing) !== undefined;
  } catch {
    // The caller has an error of its own to tell, or takes a place that cannot be read for one that is taken.
    return false;
  }
}

/** The newest snapshot of every host and source. */
function headsOf(known: readonly Snapshot[]): string[] {
  const heads = new Map<string, string>();
  for (const { host, source, id } of known) {
    const stream = JSON.stringify([host, source]);
    if (!heads.has(stream)) heads.set(stream, id);
  }
  return [...heads.values()];
}
