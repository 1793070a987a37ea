import { HoldfastError, systemCode } from '@holdfast/contracts/errors';
import type { Engine, Removal } from './engine.ts';

/** The engine as one that can remove; `unavailable` where it cannot. */
export function requireRemoval(repository: Engine): Removal {
  const { forget, prune } = repository;
  if (forget === undefined || prune === undefined) {
    throw new HoldfastError('unavailable', 'this repository keeps every snapshot: it cannot forget');
  }
  return { forget: forget.bind(repository), prune: prune.bind(repository) };
}

/** Forgets snapshots; those that are gone already (a crash came after the engine had done it) are no failure. */
export async function forgetSnapshots(
  repository: Engine,
  ids: readonly string[],
  reason: string,
): Promise<void> {
  const { forget } = requireRemoval(repository);
  try {
    await forget(ids, { reason });
  } catch (error) {
    if (systemCode(error) !== 'snapshot_not_found') throw error;
    const there = new Set((await repository.snapshots()).map(({ id }) => id));
    const left = ids.filter((id) => there.has(id));
    if (left.length > 0) await forget(left, { reason });
  }
}
