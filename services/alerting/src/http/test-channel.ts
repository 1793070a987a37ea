import { HoldfastError } from '@holdfast/contracts/errors';
import { TestChannelBody, TestChannelReply } from '@holdfast/contracts/http/alerting';
import { actorOf } from '@holdfast/http/caller';
import type { HttpServer } from '@holdfast/http/server';
import type { Channel } from '../adapters/channels/channel.ts';
import type { TestSender } from '../send-test.ts';

export interface TestDeps {
  channels: ReadonlyMap<string, Channel>;
  sendTest: TestSender;
}

/** `POST /api/alerts/test`: one message now, without retries, and what came of it. */
export function testChannel(app: HttpServer, { channels, sendTest }: TestDeps): void {
  const schema = {
    tags: ['alerts'],
    summary: 'Send a test message to one channel, or to all',
    body: TestChannelBody,
    response: { 200: TestChannelReply },
  };
  app.post('/api/alerts/test', { config: { role: 'backup_operator' }, schema }, async (request) => {
    const name = request.body?.channel;
    const wanted = name === undefined ? [...channels.values()] : [channels.get(name)];
    const found = wanted.filter((channel) => channel !== undefined);
    if (found.length === 0) throw new HoldfastError('not_found', `there is no channel ${name}`);
    return { items: await Promise.all(found.map((channel) => sendTest(channel, actorOf(request.caller)))) };
  });
}
