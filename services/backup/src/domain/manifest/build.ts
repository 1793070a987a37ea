import { createHash } from 'node:crypto';
import type { BackupManifest, BackupMoment, HookReport } from '@holdfast/contracts/backup-events';
import type { BackupRun } from '../backup-run/state.ts';

/** What the engine counted while it made the snapshot. */
export interface MeasuredStats {
  readonly files: number;
  readonly bytes: number;
  readonly files_new: number;
  readonly files_changed: number;
  readonly files_removed: number;
  readonly bytes_read: number;
  readonly bytes_stored: number;
  readonly duration_ms: number;
  readonly unreadable: readonly { path: string; reason: string }[];
  readonly tree: string;
}

/** What is true of the machine and the protected tree at that moment. */
export interface Surroundings {
  readonly hostname: string;
  readonly git_commit: string | null;
  readonly git_branch: string | null;
  readonly system_version: string;
  readonly parent_backup_id: string | null;
  /** From which age on it belongs in the cold tier, as manifests spell it. */
  readonly archive_after: string | null;
  /** When reading began, after all hooks: what was written before is in it. */
  readonly read_ms: number;
  /** Of a backup that is as of one moment with others. */
  readonly moment?: BackupMoment | undefined;
  /** What ran before it. */
  readonly hooks?: readonly HookReport[];
  /** What a walk found that events had not named; undefined where none is backed up by events. */
  readonly missed?: BackupManifest['missed_by_events'];
}

/** A manifest before its snapshot has an id: this part is sealed inside the snapshot. */
export type SealedManifest = Omit<BackupManifest, 'snapshot_id'>;

/** Everything that requirements 1.3 want to know of a backup, as it was measured. */
export function buildManifest(run: BackupRun, stats: MeasuredStats, about: Surroundings): SealedManifest {
  return {
    backup_id: run.backup_id,
    timestamp: about.moment?.at ?? new Date(about.read_ms).toISOString(),
    backup_type: run.backup_type,
    sources: [
      {
        source: run.source,
        files_backed_up: stats.files,
        total_size_bytes: stats.bytes,
        checksum: treeChecksum(stats.tree),
        compression: run.compression ? 'zstd' : 'none',
      },
    ],
    metadata: {
      hostname: about.hostname,
      git_commit: about.git_commit,
      git_branch: about.git_branch,
      system_version: about.system_version,
      backup_duration_seconds: Math.round(stats.duration_ms) / 1000,
    },
    validation: { integrity_check: 'pending', restore_test: 'pending', verified_at: null },
    retention: { expires_at: null, tier: 'hot', archive_to_cold_storage_after: about.archive_after },
    parent_backup_id: about.parent_backup_id,
    reason: reasonOf(run, about),
    encryption: 'AES-256-GCM',
    files_new: stats.files_new,
    files_changed: stats.files_changed,
    files_removed: stats.files_removed,
    files_unreadable: firstUnreadable(stats.unreadable),
    bytes_read: stats.bytes_read,
    bytes_stored: stats.bytes_stored,
    ...(about.moment !== undefined && { moment: about.moment }),
    ...(about.hooks !== undefined && about.hooks.length > 0 && { hooks: [...about.hooks] }),
    ...(about.missed !== undefined && { missed_by_events: about.missed }),
  };
}

const UNREADABLE_MAX = 1000;

// The manifest travels as one event: a whole tree without permissions must not make it too large to tell.
function firstUnreadable(unreadable: MeasuredStats['unreadable']): BackupManifest['files_unreadable'] {
  const first = unreadable.slice(0, UNREADABLE_MAX);
  const left = unreadable.length - first.length;
  return left === 0 ? first : [...first, { path: '…', reason: `and ${left} more` }];
}

/** SHA-256 over the id of a snapshot's tree: equal for equal content, whatever the backup is called. */
export function treeChecksum(tree: string): string {
  return `sha256:${createHash('sha256').update(tree).digest('hex')}`;
}

// A walk that the frequency of a source wanted finds nothing, unless events were missed: then it says so.
function reasonOf(run: BackupRun, { missed }: Surroundings): BackupManifest['reason'] {
  return run.reason === 'reconciled' && missed === undefined ? 'schedule' : run.reason;
}
