import { z } from 'zod';
import { Timestamp } from '../envelope.ts';
import { Role } from '../tokens.ts';
import { PAGE_QUERY } from './page.ts';

const Instant = z.union([z.iso.datetime({ offset: true }), z.iso.date()]);

/** What `GET /api/audit/events`, `/stream` and `/export` are narrowed by; all that is given must fit. */
export const AuditFilters = z.object({
  type: z.string().min(1).optional().describe('event type, or several with commas between'),
  subject: z
    .string()
    .min(1)
    .optional()
    .describe(
      'path or id; with `*` at its end all that begin so; `holdfast.event.…` is a NATS subject filter',
    ),
  source: z
    .string()
    .min(1)
    .optional()
    .describe('`holdfast/<host>/<service>`, or the name of a protected source'),
  actor: z.string().min(1).optional(),
  host: z.string().min(1).optional(),
  correlation_id: z.string().min(1).optional().describe('the story of one loss'),
  since: Instant.optional().describe('not before this time of the event'),
  until: Instant.optional().describe('not after this time of the event'),
  q: z
    .string()
    .min(1)
    .max(200)
    .optional()
    .describe('words that the event must have; with `*` at its end one that begins so'),
});
export type AuditFilters = z.infer<typeof AuditFilters>;

export const Order = z.enum(['asc', 'desc']);
export type Order = z.infer<typeof Order>;

export const ListEventsQuery = AuditFilters.extend({
  order: Order.default('asc').describe('by place in the log: `asc` is oldest first'),
  ...PAGE_QUERY,
});
export type ListEventsQuery = z.infer<typeof ListEventsQuery>;

export const ExportEventsQuery = AuditFilters.extend({ format: z.enum(['ndjson', 'csv']).default('ndjson') });
export const StreamEventsQuery = AuditFilters.extend({
  last_event_id: z.coerce
    .number()
    .int()
    .min(-1)
    .optional()
    .describe('as the header Last-Event-ID: an auditindex; -1 is from the beginning'),
});

/** An event as audit answers with it: CloudEvents JSON and its place in the log, counted from 0. */
export const AuditItem = z.looseObject({
  auditindex: z.number().int().nonnegative(),
  id: z.string(),
  type: z.string(),
  source: z.string(),
  subject: z.string(),
  time: Timestamp,
  correlationid: z.string(),
  data: z.unknown(),
});
export type AuditItem = z.infer<typeof AuditItem>;

export const CreateTokenBody = z.strictObject({
  name: z.string().trim().min(1).max(100).describe('whom or what it is for'),
  role: Role.default('viewer'),
  expires_at: z.iso.datetime({ offset: true }).nullable().default(null),
});
export const TokenView = z.object({
  token_id: z.string(),
  name: z.string(),
  role: Role,
  created_at: Timestamp,
  expires_at: Timestamp.nullable(),
});
export type TokenView = z.infer<typeof TokenView>;
export const CreatedToken = TokenView.extend({ token: z.string().describe('shown this once') });
