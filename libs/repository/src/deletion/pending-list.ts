import { isStorageError } from '@holdfast/storage/blob-store';
import type { Engine } from '../engine.ts';
import { isRepositoryError } from '../errors.ts';
import { sealRevocation, snapshotName } from '../snapshot/snapshot-object.ts';
import { openPending, PENDING_PREFIX, type Pending, snapshotOfPending } from './pending-object.ts';

/** What one writer has announced. */
export interface PendingWriterState {
  readonly snapshot_id: string;
  /** Names of its pending objects. */
  readonly names: string[];
  /** Undefined for one that cannot be read: nobody knows what that one protects. */
  readonly announced: (Pending | undefined)[];
}

/** All pending objects as they stand now, by the snapshot that they wait for. */
export async function listPending(engine: Engine): Promise<PendingWriterState[]> {
  const writers = new Map<string, PendingWriterState>();
  for (const name of await Array.fromAsync(engine.store.names(PENDING_PREFIX))) {
    const snapshot_id = snapshotOfPending(name);
    if (snapshot_id === undefined) continue;
    const announced = await readPending(engine, name);
    if (announced === 'gone') continue;
    const writer = writers.get(snapshot_id) ?? { snapshot_id, names: [], announced: [] };
    writer.names.push(name);
    writer.announced.push(announced);
    writers.set(snapshot_id, writer);
  }
  return [...writers.values()];
}

/** Takes the place of a snapshot that is not there yet: its writer starts over, if it lives. False: the place was taken. */
export function revokeWriter(engine: Engine, snapshot_id: string): Promise<boolean> {
  const revocation = sealRevocation(engine.keys, snapshot_id, engine.now_ms());
  return engine.store.put(snapshotName(snapshot_id), revocation);
}

/** Only once the place of its snapshot is taken, whoever took it. */
export async function removePending(engine: Engine, writer: PendingWriterState): Promise<void> {
  for (const name of writer.names) await engine.store.delete(name);
}

async function readPending(engine: Engine, name: string): Promise<Pending | undefined | 'gone'> {
  try {
    return openPending(engine.keys, name, await engine.store.get(name));
  } catch (error) {
    // Its writer has committed since the listing: the snapshots are listed after this.
    if (isStorageError(error, 'not_found')) return 'gone';
    if (isRepositoryError(error)) return undefined;
    throw error;
  }
}
