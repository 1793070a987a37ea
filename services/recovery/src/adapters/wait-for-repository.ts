import { HoldfastError, systemCode } from '@holdfast/contracts/errors';
import type { Repository } from '@holdfast/repository/api';
import { openStanding } from '@holdfast/repository/repository-key';
import type { Clock } from '@holdfast/runtime/clock';
import type { RepositoryPlace } from '@holdfast/runtime/repository-place';

const PATIENCE_MS = 30_000;
const LOOK_AGAIN_MS = 100;

/**
 * The repository of this host, as soon as it is there: the backup service makes it, at its first start, and nobody else
 * does. Rejects with `unavailable` where it does not come: its disk is not mounted.
 */
export async function waitForRepository(place: RepositoryPlace, clock: Clock): Promise<Repository> {
  const until_ms = clock.now_ms() + PATIENCE_MS;
  for (;;) {
    try {
      return await openStanding(place);
    } catch (error) {
      if (!isNotThereYet(error)) throw error;
      if (clock.now_ms() >= until_ms) throw away(place, error);
    }
    await new Promise<void>((resolve) => void clock.after(LOOK_AGAIN_MS, resolve));
  }
}

/** Or its key is not. */
function isNotThereYet(error: unknown): boolean {
  return ['repo_not_found', 'ENOENT'].includes(systemCode(error) ?? '');
}

function away({ location }: RepositoryPlace, cause: unknown): HoldfastError {
  return new HoldfastError(
    'unavailable',
    `there is no repository at ${location}: is its disk mounted, and does the backup service run?`,
    { cause },
  );
}
