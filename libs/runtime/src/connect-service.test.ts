import { HoldfastConfig } from '@holdfast/contracts/config';
import { TOKENS_BUCKET } from '@holdfast/contracts/subjects';
import { createMemoryStore } from '@holdfast/event-store/memory-store';
import { fakeClock } from '@holdfast/testkit/fake-clock';
import { expect, test } from '@jest/globals';
import { connectService } from './connect-service.ts';
import { silentLogger } from './logger.ts';

const config = HoldfastConfig.parse({ host: 'web1' });
const service = {
  config,
  data_dir: '/data',
  nats: { url: 'nats://127.0.0.1:1' },
  http: { host: '', port: 0 },
  version: '1',
};

test('what is given is used as it is, and not closed', async () => {
  const events = createMemoryStore();
  const closed: string[] = [];
  const given = { ...events, [Symbol.asyncDispose]: async () => void closed.push('store') };
  const clock = fakeClock(5);
  const context = await connectService(service, 'audit', { events: given, clock, log: silentLogger() });
  expect([context.host, context.name, context.events, context.origin]).toEqual([
    'web1',
    'audit',
    given,
    { host: 'web1', service: 'audit', clock },
  ]);
  await context.tokens.create('a', new Uint8Array([1]));
  expect(await (await events.keyValue(TOKENS_BUCKET)).get('a')).not.toBeNull();
  expect(await context.registry.metrics()).toContain('service="audit"');
  await context[Symbol.asyncDispose]();
  expect(closed).toEqual([]);
});

test('no NATS is one clear error', async () => {
  const error = await connectService(service, 'audit', { log: silentLogger() }).catch((thrown) => thrown);
  expect([error.code, error.message]).toEqual(['nats_unreachable', expect.stringContaining('127.0.0.1:1')]);
});
