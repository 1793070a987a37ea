import type { BackupManifest } from '@holdfast/contracts/backup-events';
import type { BackupState } from '../state.ts';

const MINUTE_MS = 60_000;

/**
 * Backups of a source that may hold a moment, the likeliest first: the first that was made after it, then later ones at
 * growing distances (clocks of two machines differ), then the last before it. Null: only the newest.
 */
export function* backupsAround(
  { list, catalog }: Pick<BackupState, 'list' | 'catalog'>,
  source: string,
  moment_ms: number | null,
): Generator<BackupManifest> {
  const newest = catalog.newest(source);
  if (newest === undefined) return;
  if (moment_ms === null) {
    yield newest;
    return;
  }
  const told = new Set<string>();
  for (let ahead_ms = 0; ; ahead_ms = Math.max(MINUTE_MS, ahead_ms * 2)) {
    const query = { source, sort: 'timestamp_asc' as const, since_ms: moment_ms + ahead_ms };
    const [found] = list.page(query, 1);
    if (found === undefined) break;
    const { manifest } = found;
    if (!told.has(manifest.backup_id)) yield manifest;
    told.add(manifest.backup_id);
  }
  if (!told.has(newest.backup_id)) yield newest;
  const [before] = list.page({ source, sort: 'timestamp_desc', before_ms: moment_ms }, 1);
  if (before !== undefined && before.manifest.backup_id !== newest.backup_id) yield before.manifest;
}
