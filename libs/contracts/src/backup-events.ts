import { z } from 'zod';
import { Checksum, Timestamp } from './envelope.ts';

export const BackupType = z.enum(['full', 'incremental', 'differential', 'snapshot']);
export type BackupType = z.infer<typeof BackupType>;

/** What all sources of one backup of type `snapshot` have in common: they are as of one moment. */
export const BackupMoment = z.object({
  group_id: z.string().describe('of the backups that were made together'),
  sources: z.array(z.string()).describe('those that are as of this moment'),
  at: Timestamp,
  within_ms: z.number().describe('so long volumes and databases took to be frozen one after the other'),
  settled: z.boolean().describe('false: files went on changing, and were read at different times'),
  how: z.enum(['unchanged_files', 'volume_snapshot', 'cluster_time']),
  passes: z.number().int().describe('of reading'),
  changing: z.array(z.string()).describe('the first files that changed in the last pass'),
  cluster_time: z.string().nullable().describe('of a database: `restore-database` goes there by default'),
});
export type BackupMoment = z.infer<typeof BackupMoment>;

/** A command before a backup, and how it ended. */
export const HookReport = z.object({
  name: z.string(),
  exit_code: z.number().int().nullable().describe('null: it was ended, or did not start'),
  duration_ms: z.number(),
});
export type HookReport = z.infer<typeof HookReport>;

/** Requirements 1.3, with the fields that the engine adds. */
export const BackupManifest = z.object({
  backup_id: z.string().regex(/^backup_\d{8}_\d{6}_[a-z]+(_\d+)?$/),
  timestamp: Timestamp,
  backup_type: BackupType,
  sources: z.array(
    z.object({
      source: z.string(),
      files_backed_up: z.number().int(),
      total_size_bytes: z.number().int(),
      checksum: Checksum.describe('of the snapshot tree of this source'),
      compression: z.enum(['zstd', 'none']),
    }),
  ),
  metadata: z.object({
    hostname: z.string(),
    git_commit: z.string().nullable(),
    git_branch: z.string().nullable(),
    system_version: z.string(),
    backup_duration_seconds: z.number(),
  }),
  validation: z.object({
    integrity_check: z.enum(['passed', 'failed', 'pending']),
    restore_test: z.enum(['passed', 'failed', 'pending']),
    verified_at: Timestamp.nullable(),
  }),
  retention: z.object({
    expires_at: Timestamp.nullable(),
    tier: z.string(),
    archive_to_cold_storage_after: z.string().nullable(),
  }),
  snapshot_id: z.string(),
  parent_backup_id: z.string().nullable(),
  reason: z.enum(['first', 'on_change', 'schedule', 'request', 'before_deployment', 'reconciled']),
  encryption: z.literal('AES-256-GCM'),
  files_new: z.number().int(),
  files_changed: z.number().int(),
  files_removed: z.number().int(),
  files_unreadable: z.array(z.object({ path: z.string(), reason: z.string() })),
  bytes_read: z.number().int(),
  bytes_stored: z.number().int(),
  moment: BackupMoment.optional().describe('of type `snapshot`'),
  hooks: z.array(HookReport).optional().describe('that ran before it'),
  missed_by_events: z
    .object({ files: z.number().int(), paths: z.array(z.string()) })
    .optional()
    .describe('changes that a walk of a source backed up on change found, and no event had named'),
});
export type BackupManifest = z.infer<typeof BackupManifest>;

const Run = z.object({
  backup_id: z.string(),
  backup_type: BackupType,
  sources: z.array(z.string()),
  reason: z.string(),
  attempt: z.number().int().positive(),
});
export const BackupRequested = Run;
export const BackupStarted = Run;
export const BackupFailed = Run.extend({ error: z.object({ code: z.string(), message: z.string() }) });
/** Somebody had it stopped: nothing of it is kept. */
export const BackupCancelled = Run;
/** One per snapshot; its event id is derived from the snapshot id, so that telling it twice is telling it once. */
export const BackupCreated = z.object({ manifest: BackupManifest });
/** How a backup of a database was proved at level `restore`. */
export const DatabaseProof = z.object({
  restored: z
    .boolean()
    .describe(
      'into a database of its own on a real MongoDB, and all that was there compared; else see reason',
    ),
  collections: z.number().int(),
  documents: z.number().int(),
  reason: z
    .string()
    .nullable()
    .describe('why no MongoDB was used: every change was applied to the base without one'),
});
export type DatabaseProof = z.infer<typeof DatabaseProof>;
export const BackupVerified = z.object({
  backup_id: z.string(),
  level: z.enum(['manifest', 'data', 'restore']),
  files_checked: z.number().int(),
  bytes_checked: z.number().int(),
  base_backup_id: z
    .string()
    .optional()
    .describe('what this backup has in common with it was read for that one, and not again'),
  database: DatabaseProof.optional(),
  duration_ms: z.number(),
});
export const BackupVerificationFailed = BackupVerified.extend({
  problems: z.array(z.string()).describe('each damaged object or file, named'),
});
export const BackupRestored = z.object({
  backup_id: z.string(),
  target_path: z.string(),
  files_restored: z.number().int(),
  bytes_restored: z.number().int(),
  duration_ms: z.number(),
});
export const BackupDeleted = z.object({ backup_id: z.string(), snapshot_id: z.string(), reason: z.string() });
/** A legal hold: the backup stays, whatever rotation says, until then (null: until it is released). */
export const BackupHeld = z.object({
  backup_id: z.string(),
  reason: z.string(),
  until: Timestamp.nullable(),
});
/** Somebody said that a source is well again, or that the mass change was meant. */
export const MassChangeReleased = z.object({ host: z.string(), source: z.string() });
export const BackupHoldReleased = z.object({ backup_id: z.string() });
/** After the backups that went; each of them has its own BackupDeleted under the same correlationid. */
export const RetentionApplied = z.object({
  kept: z.number().int(),
  removed: z.number().int(),
  sources: z.array(z.object({ source: z.string(), kept: z.number().int(), removed: z.number().int() })),
  reason: z.enum(['schedule', 'request']),
  duration_ms: z.number(),
});
/** A source has had no backup for twice the interval in which one is due. Told once; again, with `cleared_at`, when it has. */
export const BackupOverdue = z.object({
  backup_id: z.string().nullable().describe('of the newest backup of the source'),
  source: z.string(),
  schedule: z
    .string()
    .nullable()
    .describe('null: the frequency of the source itself; on_change: a change of it waits'),
  last_backup_at: Timestamp.nullable(),
  expected_at: Timestamp,
  interval_ms: z.number(),
  cleared_at: Timestamp.optional(),
});
