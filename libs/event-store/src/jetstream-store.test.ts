import { startTestNats, whyNoNats } from '@holdfast/testkit/nats';
import { test } from '@jest/globals';
import { testEventStore } from './conformance.ts';

const missing = await whyNoNats();

if (missing === undefined)
  testEventStore('JetStream', async () => {
    const nats = await startTestNats();
    return { store: await nats.connect('monitor'), [Symbol.asyncDispose]: () => nats[Symbol.asyncDispose]() };
  });
else test.skip(`JetStream: ${missing}`, () => undefined);
