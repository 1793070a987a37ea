import { PassThrough } from 'node:stream';
import type { ChannelConfig } from '@holdfast/contracts/config';
import { timestamp } from '@holdfast/runtime/clock';
import { createTransport, type SendMailOptions } from 'nodemailer';
import type { Message } from '../../domain/alert/message.ts';
import type { Attempt } from '../../domain/delivery/schedule.ts';
import type { Channel } from './channel.ts';
import { orUnusable, readUrl } from './secret.ts';

type Config = Extract<ChannelConfig, { type: 'email' }>;

function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

function fileLines(message: Message): string[] {
  const failures = message.failures.flatMap(({ path, reason, steps }) => [
    `${path}: ${reason}`,
    ...steps.map((step) => `    ${step}`),
  ]);
  const more = message.paths_more > 0 ? [`and ${message.paths_more.toLocaleString('en-US')} more`] : [];
  return [...(failures.length > 0 ? failures : message.paths), ...more];
}

function facts(message: Message): string[] {
  return [
    `Severity: ${message.severity}`,
    `Began: ${timestamp(message.started_at_ms)}`,
    ...(message.resolved_at_ms === null ? [] : [`Over: ${timestamp(message.resolved_at_ms)}`]),
    `Incident: ${message.correlation_id}`,
  ];
}

function textOf(message: Message): string {
  const links = Object.entries(message.links).map(([name, url]) => `${name}: ${url}`);
  const blocks = [[message.subject], message.details, fileLines(message), facts(message), links];
  return blocks
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n');
}

function htmlOf(message: Message): string {
  const paragraph = (lines: string[]) =>
    lines.length === 0 ? '' : `<p>${lines.map(escaped).join('<br>')}</p>`;
  const files = fileLines(message);
  const links = Object.entries(message.links).map(
    ([name, url]) => `<a href="${escaped(url)}">${escaped(name)}</a>`,
  );
  return [
    `<p><strong>${escaped(message.subject)}</strong></p>`,
    paragraph(message.details),
    files.length === 0 ? '' : `<pre>${files.map(escaped).join('\n')}</pre>`,
    paragraph(facts(message)),
    links.length === 0 ? '' : `<p>${links.join(' · ')}</p>`,
  ].join('\n');
}

/** A mail about an alert: the messages of one alert are one thread. */
function mailOf(message: Message, config: Config, notification_id: string): SendMailOptions {
  return {
    from: config.from,
    to: config.to,
    subject: message.subject,
    text: textOf(message),
    html: htmlOf(message),
    messageId: `<${notification_id}@holdfast>`,
    references: [`<${message.alert_id}@holdfast>`],
    headers: { 'Auto-Submitted': 'auto-generated', 'X-Holdfast-Alert': message.alert_id },
    disableFileAccess: true,
    disableUrlAccess: true,
  };
}

interface SmtpError {
  code?: string;
  responseCode?: number;
  command?: string;
}

/** What the server said is left out: it may repeat a login. */
function judge(error: SmtpError, host: string, bytes_left: boolean): Attempt {
  const { code = 'smtp_failed', responseCode, command = '' } = error;
  if (responseCode !== undefined) {
    const answer = { code: `smtp_${responseCode}`, reason: `${host} answered ${responseCode} to ${command}` };
    return responseCode >= 500 ? { outcome: 'refused', ...answer } : { outcome: 'failed', ...answer };
  }
  if (code === 'ETIMEDOUT' && bytes_left)
    return {
      outcome: 'unknown',
      reason: `${host} was given the mail and did not say in time that it took it`,
    };
  if (code === 'EAUTH' || code === 'EENVELOPE')
    return { outcome: 'refused', code, reason: `${host} does not accept the login or the addresses` };
  return { outcome: 'failed', code, reason: `${host} cannot be reached (${code})` };
}

/** Sends mail by SMTP: text and a small HTML part. */
export function createEmailChannel(name: string, config: Config, timeout_ms: number): Channel {
  return {
    name,
    type: 'email',
    min_interval_ms: 0,
    calls_people: true,
    send: (message, { notification_id }) =>
      orUnusable(async () => {
        const url = await readUrl('smtp_url', config.smtp_url, config.smtp_url_file);
        const waits = {
          connectionTimeout: timeout_ms,
          greetingTimeout: timeout_ms,
          socketTimeout: timeout_ms,
        };
        const transport = createTransport({ url: url.href, ...waits });
        // A timeout looks the same before and after the mail has left, so its last byte is watched.
        let bytes_left = false;
        transport.use('stream', (mail, done) => {
          const watched = new PassThrough().once('end', () => {
            bytes_left = true;
          });
          mail.message.transform(() => watched);
          done();
        });
        try {
          const sent = await transport.sendMail(mailOf(message, config, notification_id));
          return { outcome: 'delivered', provider_id: sent.messageId };
        } catch (error) {
          return judge(error as SmtpError, url.hostname, bytes_left);
        } finally {
          transport.close();
        }
      }),
  };
}
