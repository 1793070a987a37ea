import { z } from 'zod';
import { Checksum, Timestamp } from '../envelope.ts';
import { StrategyName, TriedStrategy } from '../recovery-events.ts';

export const ScanBody = z.strictObject({
  path: z
    .string()
    .min(1)
    .optional()
    .describe('absolute; only below this folder. Default: everything protected'),
  wait: z.boolean().default(true).describe('false: 202 at once, and where to ask how it goes'),
});
export type ScanBody = z.infer<typeof ScanBody>;
const RecoverBase = {
  strategy: z
    .union([z.literal('auto'), StrategyName])
    .default('auto')
    .describe('auto: the table of the configuration'),
  target_timestamp: z.iso
    .datetime({ offset: true })
    .nullish()
    .describe('the version that stood then; what stands there now goes to quarantine'),
};
export const RecoverBody = z.union([
  z.strictObject({ file_path: z.string().min(1), ...RecoverBase }),
  z.strictObject({ files: z.array(z.string().min(1)).min(1).max(10_000), ...RecoverBase }),
]);
export type RecoverBody = z.infer<typeof RecoverBody>;

/** One lost file and what became of it. */
export const RecoveryCase = z.object({
  case_id: z.string(),
  recovery_id: z.string(),
  kind: z.enum(['deleted', 'corrupted', 'requested']),
  host: z.string(),
  source: z.string(),
  path: z.string(),
  status: z.enum(['detected', 'recovering', 'recovered', 'superseded', 'failed', 'manual']),
  lost_at: Timestamp,
  wanted_checksum: Checksum.nullable(),
  tried: z.array(TriedStrategy),
  checksum: Checksum.nullable(),
  bytes: z.number().int().nullable(),
  exact: z.boolean().nullable(),
  backup_id: z.string().nullable(),
  snapshot_id: z.string().nullable(),
  quarantined_to: z.string().nullable(),
  duration_ms: z.number().nullable().describe('from detection until the file stood again'),
  steps_ms: z.record(z.string(), z.number()).nullable(),
  reason: z.string().nullable(),
  error: z.object({ code: z.string(), message: z.string() }).nullable(),
  steps: z.array(z.string()).nullable().describe('what a person can do now'),
});
export type RecoveryCase = z.infer<typeof RecoveryCase>;

/** One batch: the losses of one incident, or one request. */
export const RecoveryReport = z.object({
  recovery_id: z.string(),
  correlation_id: z.string(),
  status: z.enum(['running', 'recovered', 'partial', 'failed']),
  started_at: Timestamp,
  finished_at: Timestamp.nullable(),
  duration_ms: z.number().nullable(),
  counts: z.object({
    files: z.number().int(),
    recovered: z.number().int(),
    superseded: z.number().int(),
    failed: z.number().int(),
    manual: z.number().int(),
  }),
  bytes: z.number().int(),
  files: z.array(RecoveryCase),
});
export type RecoveryReport = z.infer<typeof RecoveryReport>;

/** The answer to a request: the report, and for a single file its outcome beside it. */
export const RecoverResult = RecoveryReport.extend({
  path: z.string().optional(),
  outcome: RecoveryCase.shape.status.optional(),
  strategy: StrategyName.nullish(),
  reason: z.string().nullish(),
});
export type RecoverResult = z.infer<typeof RecoverResult>;

export const HistoryQuery = z.object({
  path: z.string().min(1).describe('absolute'),
  limit: z.coerce.number().int().min(1).max(10_000).default(1000),
});
export const FileHistory = z.object({
  path: z.string(),
  /** Every distinct content, newest first, with the newest backup that holds it. */
  versions: z.array(
    z.object({
      time: Timestamp.describe('of that backup'),
      mtime: Timestamp.describe('of the file'),
      size: z.number().int(),
      checksum: Checksum,
      source: z.string(),
      backup_id: z.string().nullable(),
      snapshot_id: z.string(),
    }),
  ),
  /** Losses and recoveries, newest first. */
  incidents: z.array(
    z.object({
      time: Timestamp,
      kind: z.string(),
      outcome: z.string(),
      strategy: StrategyName.nullable(),
      duration_ms: z.number().nullable(),
      exact: z.boolean().nullable(),
      reason: z.string().nullable(),
      recovery_id: z.string(),
      correlation_id: z.string(),
    }),
  ),
});
export type FileHistory = z.infer<typeof FileHistory>;

export const DownloadQuery = z.object({
  path: z.string().min(1).describe('absolute'),
  backup_id: z
    .string()
    .min(1)
    .optional()
    .describe('a backup or snapshot; default: the newest that holds the file'),
});
