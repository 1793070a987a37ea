import { z } from 'zod';
import { Checksum, Timestamp } from './envelope.ts';

export const StrategyName = z.enum([
  'latest_backup',
  'mongodb_export',
  'git_history',
  'temp_files',
  'reconstruct_from_logs',
  'regenerate',
  'other_tier',
  'offsite',
  'manual_recovery',
]);
export type StrategyName = z.infer<typeof StrategyName>;

export const TriedStrategy = z.object({
  strategy: StrategyName,
  outcome: z.enum(['recovered', 'refused', 'failed', 'unavailable']),
  reason: z.string(),
  duration_ms: z.number(),
});
export type TriedStrategy = z.infer<typeof TriedStrategy>;

const Recovery = z.object({
  recovery_id: z.string(),
  host: z.string(),
  source: z.string(),
  path: z.string(),
  tried: z.array(TriedStrategy),
  lost_at: Timestamp,
});
/** One for a whole batch: the losses of one incident that are worked on together. */
export const RecoveryStarted = z.object({
  recovery_id: z.string(),
  host: z.string(),
  files: z.number().int().positive(),
  paths: z.array(z.string()).max(100).describe('the first hundred'),
  lost_at: Timestamp,
});
export const FileRecovered = Recovery.extend({
  strategy: StrategyName,
  backup_id: z.string().nullable(),
  snapshot_id: z.string().nullable(),
  checksum: Checksum,
  bytes: z.number().int().nonnegative(),
  exact: z.boolean().describe('the very bytes that were lost, or an older good version'),
  quarantined_to: z.string().nullable(),
  duration_ms: z.number().describe('from detection until the file stood again'),
  steps_ms: z.record(z.string(), z.number()).describe('where that time went'),
});
export const RecoveryFailed = Recovery.extend({ error: z.object({ code: z.string(), message: z.string() }) });
export const ManualRecoveryRequired = Recovery.extend({
  reason: z.string(),
  steps: z.array(z.string()).describe('what a person can do now, as commands'),
});
/** The loss is over without a recovery: something good stands there again, or its absence became allowed. */
export const RecoverySuperseded = Recovery.extend({ reason: z.string() });
