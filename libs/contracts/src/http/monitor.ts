import { z } from 'zod';
import { Checksum, Timestamp } from '../envelope.ts';
import { ContentProblem } from '../file-events.ts';
import { PAGE_QUERY } from './page.ts';

export const FileState = z.enum(['present', 'suspect', 'missing', 'corrupted', 'retired']);

/** One file of the registry. Size, mtime and checksum are those of the last good version. */
export const FileItem = z.object({
  path: z.string(),
  source: z.string(),
  state: FileState,
  size: z.number().int(),
  mtime: Timestamp.nullable(),
  checksum: Checksum,
  version: z.number().int(),
  correlation_id: z.string().nullable().describe('of the open loss'),
  lost_at: Timestamp.nullable(),
  actual_checksum: Checksum.nullable().describe('of the bad bytes that stand there'),
  reasons: z.array(ContentProblem).describe('why the bytes that stand there are bad'),
});
export type FileItem = z.infer<typeof FileItem>;

export const ListFilesQuery = z.object({
  source: z.string().min(1).optional(),
  state: FileState.optional(),
  path: z.string().min(1).optional().describe('this file, or what lies below this folder'),
  host: z.string().optional().describe('only this host is answered for here'),
  ...PAGE_QUERY,
});

const Counts = z.record(FileState, z.number().int());

export const MonitorStatus = z.object({
  host: z.string(),
  files: Counts,
  pending: z.number().int().describe('paths that wait to be judged'),
  unpublished: z.number().int().describe('events that NATS has not acknowledged'),
  gaps: z.number().int().describe('times that events may have been lost since the start'),
  last_walk: z
    .object({
      depth: z.enum(['names', 'stat']),
      ended_at: Timestamp,
      duration_ms: z.number(),
      files: z.number().int(),
      differences: z.number().int(),
      unreadable: z.array(z.object({ path: z.string(), code: z.string() })),
    })
    .nullable(),
  scrub: z
    .object({
      state: z.enum(['off', 'waiting', 'reading']),
      started_at: Timestamp.nullable().describe('of this round, or the last one'),
      completed_at: Timestamp.nullable().describe('of the last whole round'),
      files_done: z.number().int(),
      bytes_done: z.number().int(),
      bytes_total: z.number().int().describe('of all files that stand; 0 until it is known'),
      next_at: Timestamp.nullable().describe('when the next round begins'),
    })
    .describe('everything is read again once a period, so that rot is found'),
  roots: z.array(
    z.object({
      root: z.string(),
      sources: z.array(z.string()),
      watched: z.boolean(),
      lost: z.object({ reason: z.string(), since: Timestamp }).nullable(),
      files: Counts,
    }),
  ),
});
export type MonitorStatus = z.infer<typeof MonitorStatus>;

const YEAR_SECONDS = 365 * 24 * 3600;
export const AllowDeleteBody = z.object({
  path: z.string().startsWith('/').describe('absolute; a folder allows all below it'),
  for_seconds: z.number().positive().max(YEAR_SECONDS).default(600),
});
export const AllowDeleteReply = z.object({
  path: z.string(),
  until: Timestamp,
  retired: z.number().int().describe('open losses that this ended'),
});

export const ScanBody = z.object({ path: z.string().startsWith('/').optional() });
