import { z } from 'zod';
import { Checksum, Timestamp } from '../envelope.ts';
import { ContentProblem, UnmetReason } from '../file-events.ts';

/**
 * What a scan says of one file. `missing`, `corrupted`: lost, an open case. `suspect`: it stands, and no good version of it
 * was ever seen. `noted`: good, with something that people should know. `unreadable`: nothing can be said.
 */
export const ScanIssueKind = z.enum(['missing', 'corrupted', 'suspect', 'noted', 'unreadable']);
export type ScanIssueKind = z.infer<typeof ScanIssueKind>;

export const ScanIssue = z.object({
  path: z.string(),
  source: z.string(),
  kind: ScanIssueKind,
  reasons: z.array(ContentProblem).describe('the first 10'),
  code: z.string().nullable().describe('of the system, where it is unreadable'),
  size: z.number().int().nullable().describe('of the last good version'),
  checksum: Checksum.nullable().describe('of the last good version'),
  correlation_id: z.string().nullable().describe('of the open loss'),
  lost_at: Timestamp.nullable(),
  restored: z.boolean().describe('lost when the scan found it, and back, or let go, before the scan ended'),
});
export type ScanIssue = z.infer<typeof ScanIssue>;

/** The outcome of a scan: what was compared, and all that is not as it should be. Counts are exact, lists may be cut. */
export const IntegrityScanReport = z.object({
  scan_id: z.string(),
  host: z.string(),
  path: z.string().nullable().describe('only what lies there; null: everything'),
  started_at: Timestamp,
  ended_at: Timestamp,
  duration_ms: z.number().int(),
  checked: z.number().int().describe('files that were read and compared'),
  bytes_checked: z.number().int(),
  ok: z.number().int(),
  counts: z.record(ScanIssueKind, z.number().int()),
  missing: z.array(z.string()),
  corrupted: z.array(z.string()),
  issues: z.array(ScanIssue).describe('what is lost since long, what was found lost, the others'),
  unmet: z
    .array(z.object({ source: z.string(), pattern: z.string(), reasons: z.array(UnmetReason) }))
    .describe('expected_patterns that are not met; of a scan of everything'),
  truncated: z.boolean().describe('there are more than the lists hold; GET /api/monitor/files has them all'),
});
export type IntegrityScanReport = z.infer<typeof IntegrityScanReport>;

/** A scan under way, or over. */
export const ScanProgress = z.object({
  scan_id: z.string(),
  state: z.enum(['running', 'done']),
  started_at: Timestamp,
  files_done: z.number().int(),
  files_total: z.number().int().describe('0 until names are compared'),
  bytes_done: z.number().int(),
  bytes_total: z.number().int(),
  report: IntegrityScanReport.nullable().describe('once it is done'),
});
export type ScanProgress = z.infer<typeof ScanProgress>;

/** The question `scan`: a new one (whose report is waited for unless `wait` is false), or how one goes. */
export const ScanQuestion = z.union([
  z.strictObject({ scan_id: z.string() }),
  z.strictObject({ path: z.string().startsWith('/').optional(), wait: z.boolean().default(true) }),
]);
