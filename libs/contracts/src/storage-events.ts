import { z } from 'zod';
import { Timestamp } from './envelope.ts';

/** A copy of a backup stands in a tier, and every byte of it was read back there. */
export const BackupCopied = z.object({
  backup_id: z.string(),
  tier: z.string(),
  from_tier: z.string(),
  repository_id: z.string(),
  snapshot_id: z.string().describe('in that tier'),
  files_checked: z.number().int(),
  bytes_checked: z.number().int(),
  duration_ms: z.number(),
});
/** A copy of a backup is gone from a tier; the backup stands, with a verified copy in `kept_in`. */
export const BackupCopyRemoved = z.object({
  backup_id: z.string(),
  tier: z.string(),
  snapshot_id: z.string(),
  kept_in: z.array(z.string()),
  reason: z.string(),
});
/** Nothing can be copied into a tier, or read from it. Told once; again, with `cleared_at`, when it can. */
export const TierUnavailable = z.object({
  host: z.string(),
  tier: z.string(),
  location: z.string(),
  error: z.object({ code: z.string(), message: z.string() }),
  backups_waiting: z.number().int(),
  cleared_at: Timestamp.optional(),
});

export const StorageLevel = z.enum(['normal', 'high', 'critical']);
export type StorageLevel = z.infer<typeof StorageLevel>;
/** A disk with tiers on it got fuller than a threshold, or has room again (`level` below `previous_level`). */
export const StorageThresholdCrossed = z.object({
  host: z.string(),
  tier: z.string().describe('the nearest on this disk'),
  tiers: z.array(z.string()).describe('all on this disk'),
  location: z.string(),
  level: StorageLevel,
  previous_level: StorageLevel,
  used_percent: z.number(),
  free_bytes: z.number().int(),
  total_bytes: z.number().int(),
});
