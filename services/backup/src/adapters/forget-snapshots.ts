import { systemCode } from '@holdfast/contracts/errors';
import type { Engine } from './engine.ts';

/** Forgets snapshots; those that are gone already (a crash came after the engine had done it) are no failure. */
export async function forgetSnapshots(
  repository: Engine,
  ids: readonly string[],
  reason: string,
): Promise<void> {
  try {
    await repository.forget(ids, { reason });
  } catch (error) {
    if (systemCode(error) !== 'snapshot_not_found') throw error;
    const there = new Set((await repository.snapshots()).map(({ id }) => id));
    const left = ids.filter((id) => there.has(id));
    if (left.length > 0) await repository.forget(left, { reason });
  }
}
