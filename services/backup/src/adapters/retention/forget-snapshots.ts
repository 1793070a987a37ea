import { systemCode } from '@holdfast/contracts/errors';
import { HOT } from '@holdfast/runtime/repository-place';
import type { Engine } from '../engine.ts';
import type { Copy } from '../tiers/copy-table.ts';

/**
 * Forgets copies in the repository of their tier. Outside of hot a copy may stand there twice (two services copied it at
 * once): all of them go.
 */
export async function forgetIn(repository: Engine, copies: readonly Copy[], reason: string): Promise<void> {
  const own = copies.map(({ snapshot_id }) => snapshot_id);
  if (copies.every(({ tier }) => tier === HOT)) return forgetSnapshots(repository, own, reason);
  const wanted = new Set<unknown>(copies.map(({ backup_id }) => backup_id));
  const there = (await repository.snapshots()).filter(({ metadata }) => wanted.has(metadata['backup_id']));
  await forgetSnapshots(
    repository,
    there.map(({ id }) => id),
    reason,
  );
}

/** Forgets snapshots; those that are gone already (a crash came after the engine had done it) are no failure. */
async function forgetSnapshots(repository: Engine, ids: readonly string[], reason: string): Promise<void> {
  if (ids.length === 0) return;
  try {
    await repository.forget(ids, { reason });
  } catch (error) {
    if (systemCode(error) !== 'snapshot_not_found') throw error;
    const there = new Set((await repository.snapshots()).map(({ id }) => id));
    const left = ids.filter((id) => there.has(id));
    if (left.length > 0) await repository.forget(left, { reason });
  }
}
