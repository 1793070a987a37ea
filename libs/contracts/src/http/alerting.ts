import { z } from 'zod';
import { Severity } from '../alert-events.ts';
import { DurationMs } from '../durations.ts';
import { Timestamp } from '../envelope.ts';
import { PAGE_QUERY } from './page.ts';

/** What an alert can be about. */
export const AlertRule = z.enum([
  'file_loss',
  'recovery_failed',
  'mass_change',
  'watch_root_lost',
  'expectation_violated',
  'backup_failed',
  'backup_overdue',
  'backup_verification_failed',
  'storage_full',
  'tier_unavailable',
  'dead_lettered',
  'access_denied_burst',
  'event_store_rewound',
]);
export type AlertRule = z.infer<typeof AlertRule>;

export const AlertStatus = z.enum(['firing', 'acked', 'silenced', 'resolved']);
export type AlertStatus = z.infer<typeof AlertStatus>;

/** One message to one channel, as `GET /api/alerts` shows it. */
export const NotificationItem = z.object({
  notification_id: z.string(),
  channel: z.string(),
  channel_type: z.string(),
  kind: z.string(),
  status: z.enum(['queued', 'sending', 'delivered', 'unknown', 'failed']),
  attempt: z.number().int(),
  settled_at: Timestamp.nullable(),
  reason: z.string().nullable(),
});

/** One alert, as `GET /api/alerts` answers with it. */
export const AlertItem = z.object({
  alert_id: z.string(),
  fingerprint: z.string(),
  rule: AlertRule,
  severity: Severity,
  status: AlertStatus,
  summary: z.string().describe('one line for a person'),
  details: z.array(z.string()),
  counts: z.record(z.string(), z.number().int()),
  hosts: z.array(z.string()),
  sources: z.array(z.string()),
  paths: z.array(z.string()).describe('the first ten'),
  paths_more: z.number().int(),
  failures: z.array(z.object({ path: z.string(), reason: z.string(), steps: z.array(z.string()) })),
  started_at: Timestamp,
  resolved_at: Timestamp.nullable(),
  acked_at: Timestamp.nullable(),
  acked_by: z.string().nullable(),
  silenced_until: Timestamp.nullable(),
  correlation_id: z.string(),
  notifications: z.array(NotificationItem),
});
export type AlertItem = z.infer<typeof AlertItem>;

export const ListAlertsQuery = z.object({
  status: z
    .enum(['firing', 'resolved'])
    .optional()
    .describe('`firing` holds those that are acked or silenced too'),
  severity: Severity.optional(),
  rule: AlertRule.optional(),
  correlation_id: z.string().min(1).optional(),
  ...PAGE_QUERY,
});
export type ListAlertsQuery = z.infer<typeof ListAlertsQuery>;

export const AckAlertBody = z.object({ comment: z.string().max(1000).default('') }).nullish();

const DAY_MS = 86_400_000;
const SILENCE_MAX_MS = 365 * DAY_MS;

/** Every key that is given must fit an alert; none given: all alerts. */
export const SilenceMatch = z.object({
  alert_id: z.string().optional(),
  rule: AlertRule.optional(),
  severity: Severity.optional(),
  source: z.string().optional(),
  host: z.string().optional(),
});

export const CreateSilenceBody = SilenceMatch.extend({
  duration: DurationMs.refine((ms) => ms > 0 && ms <= SILENCE_MAX_MS, 'between 1 ms and 365 days').describe(
    '30m, 2 hours, or milliseconds',
  ),
  reason: z.string().max(1000).default(''),
});

export const SilenceItem = z.object({
  silence_id: z.string(),
  match: SilenceMatch,
  reason: z.string(),
  created_by: z.string(),
  created_at: Timestamp,
  until: Timestamp,
});
export type SilenceItem = z.infer<typeof SilenceItem>;

export const TestChannelBody = z
  .object({ channel: z.string().optional().describe('default: all of them') })
  .nullish();
export const TestChannelReply = z.object({
  items: z.array(
    z.object({
      channel: z.string(),
      channel_type: z.string(),
      outcome: z.enum(['delivered', 'unknown', 'failed']),
      provider_id: z.string().nullable(),
      reason: z.string().nullable(),
    }),
  ),
});
