import { isStorageError } from '@holdfast/storage/blob-store';
import { MARKS_PREFIX, openMarks } from '../deletion/marks-object.ts';
import { openPending, PENDING_PREFIX } from '../deletion/pending-object.ts';
import { openTombstone, TOMBSTONE_PREFIX } from '../deletion/tombstone-object.ts';
import type { Engine } from '../engine.ts';
import { isRepositoryError } from '../errors.ts';
import type { Findings } from './findings.ts';

/** What the objects say that deletion leaves behind. */
export interface DeletionState {
  /** Ids of snapshots that were forgotten: they are not missed. */
  readonly forgotten: ReadonlySet<string>;
  /** Ids of packs that somebody may have deleted. */
  readonly marked: ReadonlySet<string>;
}

/** Opens every tombstone, mark and pending object; those that are not what was stored are findings. */
export async function checkDeletion(engine: Engine, findings: Findings): Promise<DeletionState> {
  const { keys } = engine;
  const forgotten = new Set<string>();
  const marked = new Set<string>();
  await eachObject(engine, findings, {
    prefix: TOMBSTONE_PREFIX,
    use: (name, object) => {
      openTombstone(keys, name, object);
      forgotten.add(name.slice(TOMBSTONE_PREFIX.length));
    },
  });
  await eachObject(engine, findings, {
    prefix: MARKS_PREFIX,
    use: (name, object) => {
      for (const pack of openMarks(keys, name, object).packs) marked.add(pack);
    },
  });
  await eachObject(engine, findings, {
    prefix: PENDING_PREFIX,
    use: (name, object) => void openPending(keys, name, object),
  });
  return { forgotten, marked };
}

async function eachObject(
  { store }: Engine,
  findings: Findings,
  of: { prefix: string; use: (name: string, object: Buffer) => void },
): Promise<void> {
  for (const name of await Array.fromAsync(store.names(of.prefix))) {
    try {
      of.use(name, await store.get(name));
    } catch (error) {
      // A writer that has committed takes its pending objects away.
      if (isStorageError(error, 'not_found')) continue;
      if (!isRepositoryError(error)) throw error;
      findings.add(name, error.message);
    }
  }
}
