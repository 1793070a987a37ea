import { z } from 'zod';
import { Timestamp } from './envelope.ts';

export const Severity = z.enum(['critical', 'high', 'medium', 'low', 'info']);
export type Severity = z.infer<typeof Severity>;

const Alert = z.object({
  alert_id: z.string(),
  fingerprint: z.string(),
  rule: z.string(),
  severity: Severity,
  summary: z.string().describe('one line for a person'),
  started_at: Timestamp,
  counts: z.record(z.string(), z.number().int()).describe('files deleted, corrupted, recovered, failed'),
});
export const AlertFired = Alert;
export const AlertResolved = Alert.extend({ resolved_at: Timestamp });

const Notification = z.object({
  notification_id: z.string(),
  alert_id: z.string(),
  channel: z.string(),
  channel_type: z.string(),
  kind: z.enum(['firing', 'resolved', 'digest', 'test']),
  attempt: z.number().int().positive(),
});
export const NotificationSent = Notification.extend({
  provider_id: z.string().nullable(),
  outcome: z.enum(['delivered', 'unknown']),
});
export const NotificationFailed = Notification.extend({
  error: z.object({ code: z.string(), message: z.string() }),
});

/** A person has seen it. */
export const AlertAcknowledged = z.object({
  alert_id: z.string(),
  fingerprint: z.string(),
  comment: z.string(),
});
/** Messages of what it matches wait until then. */
export const SilenceCreated = z.object({
  silence_id: z.string(),
  match: z.record(z.string(), z.string()),
  reason: z.string(),
  until: Timestamp,
});
export const SilenceRemoved = z.object({ silence_id: z.string() });
