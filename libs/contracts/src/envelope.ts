import { z } from 'zod';

/** RFC 3339, UTC, milliseconds: `2026-11-23T01:47:00.000Z`. */
export const Timestamp = z.iso.datetime({ precision: 3 });

/** `sha256:` and 64 hex digits. */
export const Checksum = z.string().regex(/^sha256:[0-9a-f]{64}$/);

/**
 * A CloudEvents 1.0 envelope in structured JSON mode, without its data.
 * `dataschema` is `holdfast:<type>:<version>`; events of an older version are raised by upcast.ts.
 */
export const Envelope = z.object({
  specversion: z.literal('1.0'),
  id: z.string().length(26).describe('ULID; the identity of the event, also in the audit log'),
  type: z.string(),
  source: z.string().describe('holdfast/<host>/<service>'),
  subject: z.string().describe('the path or id that the event is about'),
  time: Timestamp,
  datacontenttype: z.literal('application/json'),
  dataschema: z.string(),
  correlationid: z.string().describe('one id from a loss to the last notification about it'),
  causationid: z.string().optional().describe('the event or command that caused this one'),
  aggregateversion: z.number().int().nonnegative(),
  actor: z.string().describe('who did it; `unknown` without evidence'),
  traceparent: z.string().optional().describe('W3C trace context'),
});
export type Envelope = z.infer<typeof Envelope>;

/** One event as it travels and as it is kept. */
export interface CloudEvent<Type extends string = string, Data = unknown> extends Envelope {
  type: Type;
  data: Data;
}
