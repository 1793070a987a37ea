import { z } from 'zod';
import { BackupType } from '../backup-events.ts';
import { Timestamp } from '../envelope.ts';

export const BackupMetricsQuery = z.object({
  filter: z
    .string()
    .default('last_30_days')
    .describe('the period that is counted: last_7_days, last_24_hours …'),
});

const Rate = z.number().min(0).max(1).nullable().describe('from 0 to 1; null: there was none');

/** Backups of a period: those that were made, whether or not they still stand, and those that failed for good. */
const Outcome = {
  created: z.number().int(),
  failed: z.number().int(),
  success_rate: Rate,
};

/** What the backups of one type took. */
export const TypeMetrics = z.object({
  backup_type: BackupType,
  created: z.number().int(),
  duration_mean_ms: z.number(),
  duration_max_ms: z.number(),
  bytes_read: z.number().int(),
  bytes_stored: z.number().int(),
});

export type TypeMetrics = z.infer<typeof TypeMetrics>;

export const SourceMetrics = z.object({
  source: z.string(),
  ...Outcome,
  last_backup_id: z.string().nullable(),
  last_backup_at: Timestamp.nullable(),
  newest_good_at: Timestamp.nullable().describe('of the newest backup that no verification found damaged'),
  newest_good_age_seconds: z.number().nullable(),
  last_size_bytes: z.number().int().nullable().describe('what the newest backup holds'),
  rpo_seconds: z.number().nullable().describe('what the configuration allows (`rpo`); null: nothing is said'),
  at_risk_seconds: z
    .number()
    .nullable()
    .describe('so far back the source goes if it is lost now; null: it has no backup'),
  rpo_met: z.boolean().nullable(),
});
export type SourceMetrics = z.infer<typeof SourceMetrics>;

/** `GET /api/backup/metrics`: figures of the backups for dashboards, by source and type. */
export const BackupMetricsView = z.object({
  since: Timestamp,
  until: Timestamp,
  ...Outcome,
  rpo_compliance: Rate.describe('of the sources for which `rpo` says something: those that keep to it'),
  sources: z.array(SourceMetrics),
  types: z.array(TypeMetrics),
  verifications: z.object({
    backups_read: z.number().int().describe('backups whose bytes were read in the period'),
    backups_restored: z.number().int().describe('backups that were restored and compared in the period'),
    backups_damaged: z.number().int().describe('backups that stand, and that the last verification failed'),
  }),
  storage: z.object({
    backups: z.number().int(),
    bytes_protected: z.number().int().describe('of all backups in hot, as if each were restored'),
    bytes_stored: z.number().int().nullable().describe('what hot takes; null where it is not a folder'),
    dedup_ratio: z.number().nullable().describe('the first through the second'),
    used_percent: z.number().nullable().describe('of the disk of hot'),
    free_bytes: z.number().int().nullable(),
  }),
});
export type BackupMetricsView = z.infer<typeof BackupMetricsView>;
