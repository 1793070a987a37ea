import type { BackupRequest, BackupResult, BackupStats } from '../api.ts';
import type { Engine } from '../engine.ts';
import { isRepositoryError, RepositoryError, throwIfAborted } from '../errors.ts';
import { requireStanding } from '../repository-config.ts';
import type { StoredSnapshot } from '../snapshot/snapshot-object.ts';
import type { ChildRef } from '../tree/node.ts';
import { ChunkSink } from './chunk-sink.ts';
import { ClaimTable } from './claim-table.ts';
import { commitSnapshot, type SnapshotDraft } from './commit.ts';
import { STORING_LIMITS } from './file-storer.ts';
import { PackStore } from './pack-store.ts';
import { PendingWriter } from './pending-writer.ts';
import { type BackupLimits, readPass } from './read-pass.ts';
import { settle } from './settle.ts';
import { createStamper } from './stamp.ts';
import { asGone, isChunksGone } from './unheld-chunks.ts';

const LIMITS: BackupLimits = { ...STORING_LIMITS, waiting_max: 16_384 };

type Request = BackupRequest & { skip_unchanged?: boolean };

const ATTEMPTS_MAX = 3;

/**
 * Stores what a request names and commits a snapshot of it. Order: packs, index, snapshot. Where maintenance deleted
 * meanwhile what it relied on (the parent was forgotten, say), everything is read again.
 */
export async function runBackup(
  engine: Engine,
  request: Request,
  limits: BackupLimits = LIMITS,
): Promise<BackupResult> {
  let attempt: Request = request;
  for (let left = ATTEMPTS_MAX; ; left -= 1) {
    try {
      return await backUp(engine, attempt, limits);
    } catch (error) {
      if (!isChunksGone(error)) throw error;
      if (left === 0) throw new RepositoryError('storage_failed', error.message, { cause: error });
      await engine.index.rebuild();
      attempt = { ...(await readingAll(engine, request)), ...(left < ATTEMPTS_MAX && { parent: null }) };
    }
  }
}

/** The same request with everything read again; compared with the parent as long as that stands. */
async function readingAll(engine: Engine, request: Request): Promise<Request> {
  const { changes: _changes, parent, ...rest } = request;
  const whole = { ...rest, full: true };
  if (parent === undefined) return whole;
  const stands = (await engine.snapshots.all()).some(({ id }) => id === parent);
  return { ...whole, parent: stands ? parent : null };
}

async function backUp(engine: Engine, request: Request, limits: BackupLimits): Promise<BackupResult> {
  const started = { ms: engine.now_ms(), at: performance.now() };
  const known = await engine.snapshots.all();
  if (known.length === 0) await requireStanding(engine.store);
  const parent = await findParent(engine, request, known);
  // What others have stored since the index was read saves work in a walk; it is not worth a listing for one file.
  const is_walk = request.changes === undefined || parent === undefined;
  if (is_walk) {
    await engine.index.refresh();
    await engine.index.refreshMarks();
  }
  const marks_version = engine.index.heedMarks();
  const dry_run = request.dry_run ?? false;
  const pending = new PendingWriter(engine, { host: request.host, source: request.source });
  const packs = new PackStore(engine, { dry_run, pending });
  const claims = new ClaimTable();
  const compress = request.compression ?? true;
  const sink = new ChunkSink({
    keys: engine.keys,
    index: engine.index.lookup,
    claims,
    compress,
    on_pack: packs.put,
  });
  const stampOf = createStamper(engine.keys.tree_seed);
  const parts = { engine, sink, claims, packs, compress, stampOf, limits };
  const before = parent === undefined ? undefined : { root: rootOf(parent), started_ms: parent.started_ms };
  const { root, counts } = await readBeside(engine, parent, async () => {
    const first = await readPass(parts, {
      request,
      before,
      ...(before !== undefined && request.on_difference !== undefined && { on_edit: request.on_difference }),
    });
    return settle(parts, { request, parent: before, first });
  });
  throwIfAborted(request.signal);

  const statsOf = (): BackupStats => ({
    ...counts,
    files: root.files,
    bytes: root.bytes,
    bytes_stored: packs.bytes_stored,
    duration_ms: Math.round(performance.now() - started.at),
    tree: root.id.toString('hex'),
  });
  if (request.skip_unchanged && parent !== undefined && parent.tree === root.id.toString('hex')) {
    return { snapshot: parent, stats: statsOf(), unchanged: true };
  }
  sink.flush();
  await packs.checkpoint();
  const draft = draftOf(request, { parent, root, started_ms: started.ms, stats: statsOf() });
  if (dry_run) {
    const snapshot = { ...draft, id: pending.snapshot_id };
    return { snapshot, stats: statsOf(), unchanged: false };
  }
  const base_tree = parent?.tree;
  const snapshot = await commitSnapshot(engine, draft, { packs, pending, marks_version, base_tree, known });
  return { snapshot, stats: statsOf(), unchanged: false };
}

/** Rejects with ChunksGoneError where the parent cannot be read because it was forgotten meanwhile: that is no damage. */
async function readBeside<Result>(
  engine: Engine,
  parent: StoredSnapshot | undefined,
  read: () => Promise<Result>,
): Promise<Result> {
  try {
    return await read();
  } catch (error) {
    if (parent === undefined || !isRepositoryError(error, 'repo_damaged')) throw error;
    if ((await engine.snapshots.all()).some(({ id }) => id === parent.id)) throw error;
    throw asGone(error);
  }
}

function draftOf(
  request: BackupRequest,
  done: { parent: StoredSnapshot | undefined; root: ChildRef; started_ms: number; stats: BackupStats },
): SnapshotDraft {
  const { parent, root, started_ms, stats } = done;
  return {
    host: request.host,
    source: request.source,
    time_ms: Math.max(started_ms, (parent?.time_ms ?? 0) + 1),
    started_ms,
    roots: [...request.roots],
    tree: root.id.toString('hex'),
    parent: parent?.id ?? null,
    files: root.files,
    bytes: root.bytes,
    metadata: request.metadata(stats),
  };
}

async function findParent(
  engine: Engine,
  request: BackupRequest,
  known: readonly StoredSnapshot[],
): Promise<StoredSnapshot | undefined> {
  if (request.parent === null) return undefined;
  if (request.parent !== undefined) return engine.snapshots.one(request.parent);
  return known.find(({ host, source }) => host === request.host && source === request.source);
}

function rootOf(snapshot: StoredSnapshot): ChildRef {
  return { id: Buffer.from(snapshot.tree, 'hex'), files: snapshot.files, bytes: snapshot.bytes };
}
