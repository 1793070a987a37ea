import type { BackupManifest } from '@holdfast/contracts/backup-events';
import { type ErrorCode, HoldfastError } from '@holdfast/contracts/errors';
import type { ServiceContext } from '@holdfast/runtime/connect-service';
import { toKnownError } from '../backup-run/run-error.ts';
import type { Engine } from '../engine.ts';
import type { BackupState } from '../state.ts';
import type { Copy } from './copy-table.ts';
import type { Tiers } from './tiers.ts';

export interface ReadDeps {
  readonly context: ServiceContext;
  readonly state: BackupState;
  readonly tiers: Tiers;
}

/** A copy of a backup that can be read. */
export interface Located {
  readonly tier: string;
  readonly repository: Engine;
  readonly snapshot_id: string;
}

/** What is wrong with one copy, not with what was asked: another copy may be well. */
const OF_THE_COPY: ReadonlySet<ErrorCode> = new Set([
  'unavailable',
  'repo_damaged',
  'repo_not_found',
  'snapshot_not_found',
  'storage_failed',
]);

/** True for what is wrong with a copy, or the tier that it is in. */
export function isOfTheCopy(code: ErrorCode): boolean {
  return OF_THE_COPY.has(code);
}

/**
 * Reads a backup from the nearest tier that holds it; where that copy is damaged or away, from the next. Rejects as the
 * first of them did where none can be read.
 */
export async function readCopy<Result>(
  deps: ReadDeps,
  { backup_id }: Pick<BackupManifest, 'backup_id'>,
  read: (located: Located) => Promise<Result>,
): Promise<Result> {
  let first: HoldfastError | null = null;
  for (const { tier, snapshot_id } of readable(deps.state.copies.of(backup_id))) {
    try {
      const repository = await deps.tiers.get(tier);
      return await read({ tier, repository, snapshot_id });
    } catch (error) {
      const known = toKnownError(error);
      if (!isOfTheCopy(known.code)) throw known;
      deps.context.log.warn({ err: error, backup_id, tier }, 'a copy of a backup cannot be read');
      first ??= known;
    }
  }
  throw first ?? new HoldfastError('snapshot_not_found', `no tier holds ${backup_id} any more`);
}

/** Those that were found damaged last. */
function readable(copies: readonly Copy[]): Copy[] {
  return copies.toSorted((one, other) => Number(one.is_bad) - Number(other.is_bad));
}
