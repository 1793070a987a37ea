import { createHmac } from 'node:crypto';
import type { ChannelConfig } from '@holdfast/contracts/config';
import { timestamp } from '@holdfast/runtime/clock';
import { readSecret } from '@holdfast/runtime/config';
import type { Message } from '../../domain/alert/message.ts';
import type { Channel } from './channel.ts';
import { post } from './http-post.ts';
import { orUnusable, readUrl } from './secret.ts';

type Config = Extract<ChannelConfig, { type: 'webhook' }>;

/** What a webhook receives. The same bytes at every try. */
function bodyOf(message: Message, notification_id: string): string {
  const { alert_id, fingerprint, rule, severity, status, subject, started_at_ms, resolved_at_ms } = message;
  const { kind, details, counts, paths, paths_more, failures, hosts, sources } = message;
  const { correlation_id, links, merged } = message;
  return JSON.stringify({
    notification_id,
    kind,
    summary: subject,
    details,
    alert: {
      alert_id,
      fingerprint,
      rule,
      severity,
      status,
      started_at: timestamp(started_at_ms),
      resolved_at: resolved_at_ms === null ? null : timestamp(resolved_at_ms),
    },
    counts,
    paths,
    paths_more,
    failures,
    hosts,
    sources,
    correlation_id,
    links,
    merged,
  });
}

/** `sha256=` and the hex HMAC of the body, as GitHub's webhooks are signed. */
export function signatureOf(body: string, secret: string): string {
  return `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;
}

/** Posts JSON to a URL, signed in `X-Holdfast-Signature` where a secret is set. */
export function createWebhookChannel(name: string, config: Config, timeout_ms: number): Channel {
  return {
    name,
    type: 'webhook',
    min_interval_ms: 0,
    calls_people: true,
    send: (message, { notification_id, attempt, signal }) =>
      orUnusable(async () => {
        const url = await readUrl('url', config.url, config.url_file);
        const secret = await readSecret(config.secret, config.secret_file);
        const body = bodyOf(message, notification_id);
        const headers = {
          'content-type': 'application/json',
          'user-agent': 'Holdfast',
          'idempotency-key': notification_id,
          'x-holdfast-attempt': String(attempt),
          ...(secret !== null && { 'x-holdfast-signature': signatureOf(body, secret) }),
        };
        return post({ url, headers, body, timeout_ms, allow_private: config.allow_private, signal });
      }),
  };
}
