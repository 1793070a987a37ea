import { randomBytes } from 'node:crypto';
import type { BackupRequest, BackupStats } from '../api.ts';
import type { Engine } from '../engine.ts';
import { fromStorage, RepositoryError } from '../errors.ts';
import { type StoredSnapshot, sealSnapshot, snapshotName } from '../snapshot/snapshot-object.ts';
import type { ChildRef } from '../tree/node.ts';

export interface Commit {
  readonly request: BackupRequest;
  readonly parent: StoredSnapshot | undefined;
  /** All snapshots that the writer saw, newest first. */
  readonly known: readonly StoredSnapshot[];
  readonly root: ChildRef;
  readonly started_ms: number;
  readonly stats: BackupStats;
}

/**
 * Makes a backup count: one put-if-absent of its snapshot, after all that it relies on is durable. The place for the
 * writer's pending objects and its look at the marks is before that put (docs/repository-format.md, "Deleting").
 */
export async function commitSnapshot(engine: Engine, commit: Commit): Promise<StoredSnapshot> {
  const { request, parent, known, root, started_ms, stats } = commit;
  const snapshot: StoredSnapshot = {
    id: randomBytes(16).toString('hex'),
    host: request.host,
    source: request.source,
    time_ms: Math.max(started_ms, (parent?.time_ms ?? 0) + 1),
    started_ms,
    roots: [...request.roots],
    tree: root.id.toString('hex'),
    parent: parent?.id ?? null,
    heads: headsOf(known),
    files: root.files,
    bytes: root.bytes,
    metadata: request.metadata(stats),
  };
  if (request.dry_run) return snapshot;
  let is_ours: boolean;
  try {
    is_ours = await engine.store.put(snapshotName(snapshot.id), sealSnapshot(engine.keys, snapshot));
  } catch (error) {
    throw fromStorage(error);
  }
  if (!is_ours)
    throw new RepositoryError('storage_failed', `${snapshotName(snapshot.id)} was revoked: run it again`);
  engine.snapshots.add(snapshot);
  return snapshot;
}

/** The newest snapshot of every host and source. */
function headsOf(known: readonly StoredSnapshot[]): string[] {
  const heads = new Map<string, string>();
  for (const { host, source, id } of known) {
    const stream = JSON.stringify([host, source]);
    if (!heads.has(stream)) heads.set(stream, id);
  }
  return [...heads.values()];
}
