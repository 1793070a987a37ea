import { z } from 'zod';
import { BackupManifest, BackupType, DatabaseProof } from '../backup-events.ts';
import { Checksum, Timestamp } from '../envelope.ts';
import { MassChangeDetected } from '../file-events.ts';
import { ScheduleConfig } from '../schedule.ts';
import { StorageLevel } from '../storage-events.ts';
import { PAGE_QUERY } from './page.ts';

export const BackupSort = z.enum([
  'timestamp_desc',
  'timestamp',
  'timestamp_asc',
  'size_desc',
  'size',
  'size_asc',
]);
export type BackupSort = z.infer<typeof BackupSort>;

/** A time with its zone, or a date (midnight UTC); parsed to milliseconds since the epoch. */
const Moment = z
  .union([z.iso.datetime({ offset: true }), z.iso.date()])
  .transform((text) => Date.parse(text));

export const ListBackupsQuery = z.object({
  filter: z.string().optional().describe('last_7_days, last_24_hours, last_2_weeks …'),
  sort: BackupSort.default('timestamp_desc').describe('without a direction: upwards'),
  source: z.string().optional(),
  type: BackupType.optional(),
  tier: z.string().optional(),
  before: Moment.optional().describe('made before this time'),
  after: Moment.optional().describe('made at this time or later'),
  contains_file: z.string().min(1).optional().describe('absolute path, or a glob on names or paths'),
  group: z
    .string()
    .optional()
    .describe('the group_id of a snapshot: its backups, by source; nothing else counts'),
  ...PAGE_QUERY,
});
export type ListBackupsQuery = z.infer<typeof ListBackupsQuery>;

/** Why and until when a backup must stay; `until` null: until it is released. */
export const BackupHold = z.object({
  reason: z.string(),
  until: Timestamp.nullable(),
  held_at: Timestamp,
  actor: z.string(),
});
export type BackupHold = z.infer<typeof BackupHold>;
/** A source in quarantine; `last_good_backup_id` null: none is older than the first sign. */
export const QuarantinedSource = MassChangeDetected.extend({
  detected_at: Timestamp,
  last_good_backup_id: z.string().nullable(),
});
export type QuarantinedSource = z.infer<typeof QuarantinedSource>;
export const HoldBody = z.strictObject({
  reason: z.string().min(1).max(500),
  until: Moment.optional().describe('default: until it is released'),
});

/** A copy of a backup in one tier. */
export const BackupLocation = z.object({
  tier: z.string(),
  snapshot_id: z.string().describe('in the repository of this tier'),
  verified_at: Timestamp.nullable().describe('when it was copied there and read back'),
});
/** A manifest with what has been decided about it since; the nearest of its locations first. */
export const ListedBackup = BackupManifest.extend({
  hold: BackupHold.nullable(),
  locations: z.array(BackupLocation),
});
export type ListedBackup = z.infer<typeof ListedBackup>;
/** Beside a list with `contains_file`: nobody knows whether these hold the file. */
export const NotSearched = z.array(z.object({ backup_id: z.string(), reason: z.string() }));
export type NotSearched = z.infer<typeof NotSearched>;

export const CleanupBody = z.strictObject({
  dry_run: z.boolean().default(false).describe('say what would go, and remove nothing'),
});
/** Why one backup stays or goes: `reasons` are rules (`hourly`, `daily` …), `held`, `newest_good`, `not_in_rotation` … */
export const CleanupItem = z.object({
  backup_id: z.string(),
  source: z.string(),
  backup_type: BackupType,
  timestamp: Timestamp,
  stays: z.boolean(),
  reasons: z.array(z.string()),
});
export type CleanupItem = z.infer<typeof CleanupItem>;
export const CleanupResult = z.object({
  dry_run: z.boolean(),
  kept: z.number().int(),
  removed: z.number().int().describe('with dry_run: would be removed'),
  items: z.array(CleanupItem),
});
export type CleanupResult = z.infer<typeof CleanupResult>;

export const MoveBody = z.strictObject({
  dry_run: z.boolean().default(false).describe('say what would be moved, and move nothing'),
});
/** Where one backup belongs, and what is done about it: `reasons` are `tier_period`, `archive`, `newest_good`, `held` … */
export const MoveItem = z.object({
  backup_id: z.string(),
  source: z.string(),
  backup_type: BackupType,
  timestamp: Timestamp,
  tiers: z.array(z.string()).describe('where it is, the nearest first'),
  tier: z.string().describe('where it belongs'),
  action: z.enum(['stay', 'copy', 'drop']).describe('a move is a copy, and then a drop'),
  reasons: z.array(z.string()),
});
export type MoveItem = z.infer<typeof MoveItem>;
export const MoveResult = z.object({
  dry_run: z.boolean(),
  copied: z.number().int(),
  dropped: z.number().int(),
  waiting: z.number().int().describe('that belong elsewhere and could not be moved now'),
  items: z.array(MoveItem),
});
export type MoveResult = z.infer<typeof MoveResult>;

/** A run that has no manifest yet, or never will. */
export const BackupRunView = z.object({
  backup_id: z.string(),
  source: z.string(),
  backup_type: BackupType,
  reason: z.string(),
  group_id: z.string().nullable().describe('of the backups that are to be as of one moment with it'),
  status: z.enum(['requested', 'running', 'retrying', 'created', 'unchanged', 'failed', 'cancelled']),
  attempt: z.number().int(),
  requested_at: Timestamp,
  next_attempt_at: Timestamp.nullable(),
  error: z.object({ code: z.string(), message: z.string() }).nullable(),
  progress: z
    .object({
      files_done: z.number(),
      files_total: z.number().nullable(),
      bytes_done: z.number(),
      bytes_total: z.number().nullable(),
    })
    .nullable(),
});
export type BackupRunView = z.infer<typeof BackupRunView>;

export const CreateBackupBody = z.strictObject({
  type: BackupType.optional().describe('default: incremental; before a deployment what its schedule says'),
  sources: z.array(z.string()).min(1).optional().describe('default: all'),
  reason: z.enum(['request', 'before_deployment']).default('request'),
  compression: z.boolean().default(true),
  encryption: z.boolean().optional().describe('taken, and nothing is ever stored in clear all the same'),
  wait: z.boolean().default(false).describe('answer when the backups are made'),
});
export type CreateBackupBody = z.infer<typeof CreateBackupBody>;
/** The manifest of the first source; `items` has those of all, one backup each. */
export const CreatedBackups = BackupManifest.extend({
  items: z.array(BackupManifest),
  failed: z
    .array(z.object({ backup_id: z.string(), source: z.string(), code: z.string(), message: z.string() }))
    .optional()
    .describe('those of several sources that could not be made'),
});
export type CreatedBackups = z.infer<typeof CreatedBackups>;
export const AcceptedBackups = BackupRunView.extend({ items: z.array(BackupRunView) });

export const BackupFile = z.object({
  path: z.string(),
  kind: z.enum(['file', 'directory', 'symlink']),
  size: z.number().int(),
  mode: z.string().describe('octal, as in `ls`: 0644'),
  mtime: z.iso.datetime({ precision: 3 }),
  checksum: Checksum.nullable(),
  target: z.string().nullable(),
});
export const ListFilesQuery = z.object({
  under: z.string().startsWith('/').optional().describe('only below this folder'),
  glob: z.string().optional().describe('only what matches, by name or path'),
  limit: z.coerce.number().int().min(1).max(10_000).default(1000),
  cursor: z.string().optional(),
});

/** What one path went through from one backup to another. */
export const FileDifference = z.object({
  path: z.string(),
  change: z.enum(['added', 'removed', 'changed', 'type', 'metadata']),
  before: BackupFile.nullable(),
  after: BackupFile.nullable(),
});
export const DiffQuery = z.object({
  metadata: z.stringbool().default(false).describe('also where only mode, owner or time differ'),
  limit: z.coerce.number().int().min(1).max(10_000).default(1000),
  cursor: z.string().optional(),
});

export const VerifyLevel = z.enum(['manifest', 'data', 'restore']);
export type VerifyLevel = z.infer<typeof VerifyLevel>;
export const VerifyBody = z.strictObject({ level: VerifyLevel.default('data') });
export const VerifyResult = z.object({
  backup_id: z.string(),
  level: VerifyLevel,
  passed: z.boolean(),
  files_checked: z.number().int(),
  bytes_checked: z.number().int(),
  base_backup_id: z.string().optional(),
  database: DatabaseProof.optional(),
  duration_ms: z.number(),
  problems: z.array(z.string()),
});
export type VerifyResult = z.infer<typeof VerifyResult>;

export const RestoreBody = z.strictObject({
  backup_id: z.string().describe('or the group_id of a snapshot: all of its sources'),
  files: z
    .array(z.string().min(1))
    .min(1)
    .optional()
    .describe('globs on names or absolute paths; default: all'),
  target_path: z.string().startsWith('/').describe('files are put below it under their absolute paths'),
  verify: z.boolean().default(true).describe('compare every file that was written'),
  dry_run: z.boolean().default(false),
});
export type RestoreBody = z.infer<typeof RestoreBody>;
export const RestoreResult = z.object({
  backup_id: z.string(),
  target_path: z.string(),
  files_restored: z.number().int(),
  bytes_restored: z.number().int(),
  verified: z.boolean(),
  failed: z.array(z.object({ path: z.string(), reason: z.string() })),
  duration_ms: z.number(),
  one_moment: z.boolean().optional().describe('of a group: all of it was as it is at one moment'),
  databases: z
    .array(z.object({ backup_id: z.string(), source: z.string(), cluster_time: z.string() }))
    .optional()
    .describe('of a group: not restored by this; `restore-database` goes to that time by itself'),
  missing: z
    .array(z.object({ source: z.string(), reason: z.string() }))
    .optional()
    .describe('of a group: sources that belong to it, and that have no backup in it'),
});
export type RestoreResult = z.infer<typeof RestoreResult>;

/** How one tier stands. `pending`: nothing was ever copied there. */
export const TierStatus = z.object({
  tier: z.string(),
  status: z.enum(['ok', 'pending', 'unavailable', 'unsupported']),
  detail: z.string().nullable(),
  location: z.string(),
  level: StorageLevel,
  used_percent: z.number().nullable(),
  free_bytes: z.number().int().nullable(),
  total_bytes: z.number().int().nullable(),
});
export type TierStatus = z.infer<typeof TierStatus>;

export const BackupHealth = z.object({
  status: z.enum(['ok', 'degraded']),
  sources: z.array(
    z.object({
      source: z.string(),
      status: z.enum(['ok', 'pending_first', 'failing', 'unsupported']),
      detail: z.string().nullable(),
      priority: z.string(),
      backup_frequency: z.string(),
      last_backup_id: z.string().nullable(),
      last_backup_at: Timestamp.nullable(),
      next_backup_at: Timestamp.nullable(),
      pending_changes: z.number().int(),
    }),
  ),
  open_cases: z.number().int(),
  pins: z.array(
    z.object({ path: z.string(), snapshot_id: z.string().nullable(), exact: z.boolean().nullable() }),
  ),
  events_to_publish: z.number().int(),
  tiers: z.array(TierStatus),
});
export type BackupHealth = z.infer<typeof BackupHealth>;

export const TierStorage = TierStatus.extend({
  backups: z.number().int(),
  bytes_stored: z.number().int().nullable(),
  objects: z.number().int().nullable(),
  retention_days: z.number().nullable(),
  backup_types: z.array(z.string()).nullable().describe('null: all'),
});
export type TierStorage = z.infer<typeof TierStorage>;

export const BackupStorage = z.object({
  location: z.string(),
  repository_id: z.string(),
  backups: z.number().int(),
  newest_backup_at: Timestamp.nullable(),
  bytes_stored: z.number().int().nullable().describe('null where the store is not a folder'),
  objects: z.number().int().nullable(),
  free_bytes: z.number().int().nullable(),
  total_bytes: z.number().int().nullable(),
  tiers: z.array(TierStorage).describe('nearest first; the first is the one above'),
});
export type BackupStorage = z.infer<typeof BackupStorage>;

/** A schedule as it is now. */
export const ScheduleView = z.object({
  name: z.string(),
  // What is read from text is written as a number, which PUT takes too.
  config: ScheduleConfig.extend({ jitter: z.number().optional().describe('milliseconds') }).describe(
    'as it was given: what PUT takes',
  ),
  enabled: z.boolean(),
  type: BackupType,
  cron: z.string().nullable().describe('null: no clock starts it, who deploys asks for it'),
  time_zone: z.string(),
  jitter: z.number().describe('milliseconds'),
  sources: z.array(z.string()).describe('what it backs up'),
  origin: z.enum(['config', 'api']),
  version: z.number().int(),
  modified_at: Timestamp,
  last_slot_at: Timestamp.nullable(),
  next_at: Timestamp.nullable(),
  overdue_sources: z.array(z.string()),
});
export type ScheduleView = z.infer<typeof ScheduleView>;

export const RestoreDatabaseBody = z.strictObject({
  backup_id: z.string().optional().describe('either this or source'),
  source: z.string().optional().describe('of its backups one that holds the moment is found'),
  at: z
    .string()
    .optional()
    .describe(
      'RFC 3339: as at the end of that second; or a cluster time `seconds.increment`; default: the latest',
    ),
  target_database: z.string().min(1).optional().describe('default: the one that was backed up'),
  collections: z.array(z.string().min(1)).min(1).optional().describe('default: all'),
  query: z
    .record(z.string(), z.unknown())
    .optional()
    .describe('Extended JSON: only documents that match are put into what stands there'),
  overwrite: z.boolean().default(false).describe('collections may take the place of those that stand there'),
  dry_run: z.boolean().default(false).describe('say what would come back; MongoDB is only looked at'),
});
export type RestoreDatabaseBody = z.infer<typeof RestoreDatabaseBody>;
export const RestoreDatabaseResult = z.object({
  backup_id: z.string(),
  database: z.string(),
  at: Timestamp.describe('the second'),
  cluster_time: z.string(),
  collections: z.array(z.object({ name: z.string(), documents: z.number().int() })),
  changes_replayed: z.number().int(),
  dry_run: z.boolean(),
  duration_ms: z.number(),
});
export type RestoreDatabaseResult = z.infer<typeof RestoreDatabaseResult>;
