import type { ChannelConfig } from '@holdfast/contracts/config';
import type { Logger } from '@holdfast/runtime/logger';
import { LOG_CHANNEL } from '../../domain/routing/route.ts';
import type { Channel } from './channel.ts';
import { createEmailChannel } from './email.ts';
import { createLogChannel } from './log.ts';
import { createSlackChannel } from './slack.ts';
import { createWebhookChannel } from './webhook.ts';

function openChannel(
  name: string,
  config: ChannelConfig,
  means: { log: Logger; timeout_ms: number },
): Channel {
  switch (config.type) {
    case 'log':
      return createLogChannel(name, means.log);
    case 'webhook':
      return createWebhookChannel(name, config, means.timeout_ms);
    case 'slack':
      return createSlackChannel(name, config, means.timeout_ms);
    case 'email':
      return createEmailChannel(name, config, means.timeout_ms);
  }
}

/** The configured channels by name, and the log, which is always there. */
export function openChannels(
  configured: Readonly<Record<string, ChannelConfig>>,
  means: { log: Logger; timeout_ms: number },
): ReadonlyMap<string, Channel> {
  const channels = new Map([[LOG_CHANNEL, createLogChannel(LOG_CHANNEL, means.log)]]);
  for (const [name, config] of Object.entries(configured))
    channels.set(name, openChannel(name, config, means));
  return channels;
}
