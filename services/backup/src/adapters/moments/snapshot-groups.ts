import type { DatabaseSync } from 'node:sqlite';
import type { BackupManifest } from '@holdfast/contracts/backup-events';
import type { BackupRun } from '../../domain/backup-run/state.ts';
import { THERE } from '../catalog/catalog-table.ts';

const GROUP_ID = /^snapshot_\d{8}_\d{6}(_\d+)?$/;

/** True for the name of backups that were made together. */
export function isGroupId(id: string): boolean {
  return GROUP_ID.test(id);
}

/** The backups of a group that are there, by source. One that was tried again has a moment of its own: see `isOneMoment`. */
export function groupMembers(db: DatabaseSync, group_id: string): BackupManifest[] {
  if (!isGroupId(group_id)) return [];
  const members = db.prepare(`
    SELECT manifest FROM backups INDEXED BY backups_of_group
    WHERE manifest ->> '$.moment.group_id' = ? AND backup_type = 'snapshot' AND manifest <> '' AND ${THERE}
    ORDER BY source`);
  return members.all(group_id).map((row) => JSON.parse(String(row['manifest'])) as BackupManifest);
}

/** A source of a group that has no backup in it, and why, for people. */
export interface MissingMember {
  readonly source: string;
  readonly reason: string;
}

/** What a group lacks, by source: as far as the backups that are there, and the runs that made none, tell of it. */
export function missingMembers(
  members: readonly BackupManifest[],
  runs: readonly BackupRun[],
): MissingMember[] {
  const there = new Set(members.flatMap(({ sources }) => sources.map(({ source }) => source)));
  const reasons = new Map<string, string>();
  for (const source of members.flatMap(({ moment }) => moment?.sources ?? [])) {
    reasons.set(source, 'its backup was removed');
  }
  for (const run of runs) reasons.set(run.source, whyNotMade(run));
  return [...reasons]
    .filter(([source]) => !there.has(source))
    .map(([source, reason]) => ({ source, reason }))
    .sort((one, other) => (one.source < other.source ? -1 : 1));
}

function whyNotMade({ status, error }: BackupRun): string {
  if (status === 'cancelled') return 'its backup was cancelled';
  return error === null ? 'its backup is not made yet' : `its backup failed: ${error.message}`;
}

/** True where all of them are as of the same moment, and nothing changed while it was read. */
export function isOneMoment(members: readonly BackupManifest[]): boolean {
  const times = new Set(members.map(({ moment }) => moment?.at));
  return times.size === 1 && members.every(({ moment }) => moment?.settled === true);
}
