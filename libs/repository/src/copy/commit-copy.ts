import { randomBytes } from 'node:crypto';
import type { Engine } from '../engine.ts';
import { fromStorage, RepositoryError } from '../errors.ts';
import { type StoredSnapshot, sealSnapshot, snapshotName } from '../snapshot/snapshot-object.ts';

export type CopiedFields = Omit<StoredSnapshot, 'id' | 'heads'>;

/** Makes a copy count, after all that it relies on is durable and indexed. The only place of a copy that commits. */
export async function commitCopy(engine: Engine, fields: CopiedFields): Promise<StoredSnapshot> {
  const heads = new Map<string, string>();
  for (const { host, source, id } of await engine.snapshots.all()) {
    const stream = JSON.stringify([host, source]);
    if (!heads.has(stream)) heads.set(stream, id);
  }
  const snapshot: StoredSnapshot = {
    id: randomBytes(16).toString('hex'),
    ...fields,
    heads: [...heads.values()],
  };
  const name = snapshotName(snapshot.id);
  try {
    if (!(await engine.store.put(name, sealSnapshot(engine.keys, snapshot)))) {
      throw new RepositoryError('storage_failed', `${name} was revoked: run it again`);
    }
  } catch (error) {
    throw fromStorage(error);
  }
  engine.snapshots.add(snapshot);
  return snapshot;
}
