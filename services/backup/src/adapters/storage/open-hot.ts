import { HoldfastError } from '@holdfast/contracts/errors';
import type { Repository } from '@holdfast/repository/api';
import { openOrCreate, openStanding } from '@holdfast/repository/repository-key';
import type { ServiceContext } from '@holdfast/runtime/connect-service';
import { HOT } from '@holdfast/runtime/repository-place';
import type { BackupSettings } from '../../config.ts';
import { runErrorOf } from '../backup-run/run-error.ts';
import type { BackupState } from '../state.ts';

interface HotDeps {
  readonly context: Pick<ServiceContext, 'log'>;
  readonly settings: Pick<BackupSettings, 'repository'>;
  readonly state: Pick<BackupState, 'tiers' | 'copies' | 'write'>;
}

/**
 * The repository in which backups are made. It is made by itself once: where it is known that one was, and none is there,
 * its disk is not mounted, and this rejects with `unavailable` (an empty one in its place would hide every backup). One
 * that somebody has made anew there is taken over.
 */
export async function openHot(deps: HotDeps): Promise<Repository> {
  const { context, settings, state } = deps;
  const known = state.tiers.get(HOT).repository_id;
  const is_new = known === null && state.copies.count(HOT) === 0;
  const repository = is_new ? await openOrCreate(settings.repository) : await openKnown(deps);
  if (repository.id === known) return repository;
  if (known !== null) context.log.warn({ location: repository.location }, 'hot has a new repository');
  state.write(() => state.tiers.set(HOT, { repository_id: repository.id }));
  return repository;
}

async function openKnown({ settings }: HotDeps): Promise<Repository> {
  try {
    return await openStanding(settings.repository);
  } catch (error) {
    const { code, message } = runErrorOf(error);
    if (code !== 'repo_not_found') throw error;
    throw new HoldfastError(
      'unavailable',
      `${message}, where the backups of this host are: is its disk mounted? No other is made there by itself`,
      { cause: error },
    );
  }
}
