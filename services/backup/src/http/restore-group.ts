import { resolve } from 'node:path';
import type { BackupManifest } from '@holdfast/contracts/backup-events';
import { HoldfastError, isHoldfastError } from '@holdfast/contracts/errors';
import type { RestoreBody, RestoreResult } from '@holdfast/contracts/http/backup';
import { groupMembers, isOneMoment, missingMembers } from '../adapters/moments/snapshot-groups.ts';
import type { RouteDeps } from './deps.ts';

type RestoreOne = (body: RestoreBody) => Promise<RestoreResult>;

/**
 * Restores all sources of files that were backed up together; databases are named, with the time that belongs to the
 * files, and so is each source that has no backup in it. `not_found` where there is no such group, or none of it holds what is wanted.
 */
export async function restoreGroup(
  { state }: RouteDeps,
  body: RestoreBody,
  restoreOne: RestoreOne,
): Promise<RestoreResult> {
  const members = groupMembers(state.db, body.backup_id);
  if (members.length === 0) throw new HoldfastError('not_found', `there is no snapshot ${body.backup_id}`);
  const results: RestoreResult[] = [];
  for (const { backup_id } of members.filter((member) => !isDatabase(member))) {
    const result = await unlessEmpty(restoreOne({ ...body, backup_id }));
    if (result !== null) results.push(result);
  }
  if (results.length === 0 && body.files !== undefined) {
    throw new HoldfastError(
      'not_found',
      `${body.backup_id} holds nothing that matches ${body.files.join(', ')}`,
    );
  }
  const sum = (pick: (result: RestoreResult) => number) => results.reduce((all, one) => all + pick(one), 0);
  return {
    backup_id: body.backup_id,
    target_path: resolve(body.target_path),
    files_restored: sum(({ files_restored }) => files_restored),
    bytes_restored: sum(({ bytes_restored }) => bytes_restored),
    verified: results.every(({ verified }) => verified),
    failed: results.flatMap(({ failed }) => failed),
    duration_ms: sum(({ duration_ms }) => duration_ms),
    missing: missingMembers(members, state.runs.ofGroup(body.backup_id)),
    one_moment: isOneMoment(members),
    databases: members.filter(isDatabase).map(databaseView),
  };
}

/** One source of several need not hold what is wanted. */
async function unlessEmpty(restoring: Promise<RestoreResult>): Promise<RestoreResult | null> {
  try {
    return await restoring;
  } catch (error) {
    if (isHoldfastError(error) && error.code === 'not_found') return null;
    throw error;
  }
}

function isDatabase({ moment }: BackupManifest): boolean {
  return moment?.how === 'cluster_time';
}

function databaseView({ backup_id, sources, moment }: BackupManifest) {
  return { backup_id, source: sources[0]?.source ?? '', cluster_time: moment?.cluster_time ?? '' };
}
