import type { ChannelConfig } from '@holdfast/contracts/config';
import type { Message } from '../../domain/alert/message.ts';
import type { Channel } from './channel.ts';
import { post } from './http-post.ts';
import { orUnusable, readUrl } from './secret.ts';

type Config = Extract<ChannelConfig, { type: 'slack' }>;

/** Slack takes one message a second and channel. */
const MIN_INTERVAL_MS = 1000;
const HEADER_MAX = 150;
const SECTION_MAX = 3000;

const MARK = { critical: '🔴', high: '🟠', medium: '🟡', low: '🔵', info: '⚪' };

/** The three characters that Slack gives a meaning in any text. */
function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** Verbatim, whatever it contains; a backtick would end it. */
function verbatim(text: string): string {
  return `\`${escaped(text).replaceAll('`', 'ˋ')}\``;
}

const cut = (text: string, max: number) => (text.length <= max ? text : `${text.slice(0, max - 1)}…`);
const section = (text: string) => ({
  type: 'section',
  text: { type: 'mrkdwn', text: cut(text, SECTION_MAX) },
});

function filesOf(message: Message): string[] {
  const failures = message.failures.map(({ path, reason, steps }) =>
    [`${verbatim(path)}: ${escaped(reason)}`, ...steps.map((step) => `• ${verbatim(step)}`)].join('\n'),
  );
  const named = failures.length > 0 ? failures : message.paths.map(verbatim);
  const more = message.paths_more > 0 ? [`and ${message.paths_more.toLocaleString('en-US')} more`] : [];
  return named.length === 0 ? [] : [[...named, ...more].join('\n')];
}

/** The payload of an incoming webhook: blocks, and a text for notifications and readers without them. */
function slackPayload(message: Message): object {
  const mark = message.status === 'resolved' ? '🟢' : MARK[message.severity];
  const links = Object.entries(message.links).map(([name, url]) => `<${url}|${escaped(name)}>`);
  const context = [`*${message.severity}*`, `incident ${verbatim(message.correlation_id)}`, ...links].join(
    '  ·  ',
  );
  return {
    text: `${mark} ${escaped(message.subject)}`,
    blocks: [
      {
        type: 'header',
        text: { type: 'plain_text', text: cut(`${mark} ${message.subject}`, HEADER_MAX), emoji: true },
      },
      ...message.details.map((line) => section(escaped(line))),
      ...filesOf(message).map(section),
      { type: 'context', elements: [{ type: 'mrkdwn', text: cut(context, SECTION_MAX) }] },
    ],
  };
}

/** Posts to a Slack incoming webhook, or to anything that understands one. */
export function createSlackChannel(name: string, config: Config, timeout_ms: number): Channel {
  return {
    name,
    type: 'slack',
    min_interval_ms: MIN_INTERVAL_MS,
    calls_people: true,
    send: (message, { signal }) =>
      orUnusable(async () =>
        post({
          url: await readUrl('webhook_url', config.webhook_url, config.webhook_url_file),
          headers: { 'content-type': 'application/json', 'user-agent': 'Holdfast' },
          body: JSON.stringify(slackPayload(message)),
          timeout_ms,
          allow_private: config.allow_private,
          signal,
        }),
      ),
  };
}
