import { z } from 'zod';
import { Checksum, Timestamp } from './envelope.ts';

/** What a registered file is known by. `mtime` is cut to milliseconds; the registry keeps nanoseconds. */
export const FileFacts = z.object({
  host: z.string(),
  source: z.string(),
  path: z.string().describe('absolute'),
  size: z.number().int().nonnegative(),
  mtime: Timestamp,
  checksum: Checksum,
});
export type FileFacts = z.infer<typeof FileFacts>;

export const FileRegistered = FileFacts;
export const FileModified = FileFacts.extend({ previous_checksum: Checksum.optional() });
export const FileMoved = FileFacts.extend({ from: z.string() });
export const FileRetired = FileFacts.extend({
  reason: z.enum(['allowed', 'git', 'excluded', 'policy']).describe('why its absence is no loss'),
});
/** The first registration of a source: up to 1,000 files an event. */
export const FilesRegistered = z.object({
  host: z.string(),
  source: z.string(),
  files: z.array(FileFacts.omit({ host: true, source: true })).max(1000),
});

const Loss = z.object({
  host: z.string(),
  source: z.string(),
  path: z.string(),
  size: z.number().int().nonnegative().describe('of the last good version'),
  checksum: Checksum.describe('of the last good version: the one wanted back'),
  detected_at: Timestamp,
  detected_by: z.enum(['watch', 'scan']),
});
const Corruption = z.enum(['checksum', 'json', 'schema', 'conversation', 'size']);

/** One reason why content is not good. It never quotes the content. */
export const ContentProblem = z.object({
  reason: Corruption,
  detail: z.string(),
  json_path: z.string().optional().describe('as in $.messages[3].timestamp'),
  line: z.number().int().positive().optional(),
  column: z.number().int().positive().optional(),
});
export type ContentProblem = z.infer<typeof ContentProblem>;

export const FileDeleted = Loss;
export const FileCorrupted = Loss.extend({
  reason: Corruption.describe('the first of the reasons'),
  detail: z.string(),
  reasons: z.array(ContentProblem).optional().describe('all of them; the first 50 of a validator'),
  actual_checksum: Checksum.describe('of the bad bytes that were judged'),
  actual_size: z.number().int().nonnegative(),
  quarantined_to: z.string().optional(),
});

/** Folders that lost most of their files in one incident, beside `FileDeleted` of each; again at its end where it lasts. */
export const PartialDeletionDetected = z.object({
  host: z.string(),
  source: z.string(),
  files_lost: z.number().int().describe('in the whole incident'),
  bytes_lost: z.number().int(),
  folders: z
    .array(z.object({ folder: z.string(), files_lost: z.number().int(), files_known: z.number().int() }))
    .describe('the ten worst; known are those that were there before'),
  started_at: Timestamp,
  ended_at: Timestamp.optional().describe('absent while it goes on'),
});

export const MassChangeDetected = z.object({
  host: z.string(),
  source: z.string(),
  window_ms: z.number().int().positive().describe('the longest window that is over its threshold'),
  files: z.number().int().nonnegative(),
  bytes: z.number().int().nonnegative(),
  kinds: z
    .record(z.string(), z.number().int().positive())
    .describe('files by sign: scrambled, renamed, replaced, deleted, note, canary'),
  entropy_mean: z.number().nullable().describe('bits a byte of what was read; null: nothing was'),
  score: z.number().describe('1 and more: by how much the clearest threshold is reached'),
  verdict: z.literal('alarm'),
  reasons: z.array(z.string()),
  examples: z.array(z.string()).max(10),
  started_at: Timestamp.describe('of the first sign: the last good state is older'),
});

export const UnmetReason = z.object({ reason: z.enum(['count', 'age']), detail: z.string() });
/** Files that a source says must be there are not: once when it lasted for a check, and once when it is over. */
export const ExpectationViolated = z.object({
  host: z.string(),
  source: z.string(),
  pattern: z.string(),
  reasons: z.array(UnmetReason).describe('none when it is over'),
  files: z.number().int().nonnegative().describe('good ones that the pattern names'),
  min_count: z.number().int().nonnegative(),
  max_age_ms: z.number().nonnegative().optional(),
  newest_at: Timestamp.nullable(),
  started_at: Timestamp,
  cleared_at: Timestamp.optional(),
});

const Interval = { started_at: Timestamp, reconciled_at: Timestamp.optional() };
export const WatchGapDetected = z.object({
  host: z.string(),
  root: z.string(),
  reason: z.enum(['overflow', 'late_timer', 'enospc', 'emfile', 'clock_jump', 'watcher_error']),
  ...Interval,
});
export const WatchRootLost = z.object({
  host: z.string(),
  root: z.string(),
  reason: z.enum(['missing', 'unmounted', 'replaced', 'unreadable']),
  ...Interval,
});
