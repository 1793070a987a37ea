import { z } from 'zod';

/** How far a request is whose work takes a while. Each kind of work (`doing`) counts from zero to its own totals. */
export const WorkProgress = z.object({
  doing: z.enum(['reading', 'restoring', 'replaying', 'indexing', 'comparing']),
  items: z.enum(['files', 'documents', 'changes', 'collections']).describe('what is counted'),
  items_done: z.number().int(),
  items_total: z.number().int().nullable().describe('null: not known'),
  bytes_done: z.number(),
  bytes_total: z.number().nullable().describe('null: not known'),
});
export type WorkProgress = z.infer<typeof WorkProgress>;

/** Told as often as there is news; whoever listens keeps the last. */
export type ReportProgress = (progress: WorkProgress) => void;

/** What who accepts this is sent of a request that takes a while: messages, and the last of them is the outcome. */
export const PROGRESS_TYPE = 'text/event-stream';

/** The names of the messages: `progress` is a WorkProgress, `result` is the reply, `problem` what it would have been. */
export type ProgressMessage = 'progress' | 'result' | 'problem';
