import { startTestNats, whyNoNats } from '@holdfast/testkit/nats';
import { test } from '@jest/globals';
import { testEventStore } from './conformance.ts';

const missing = await whyNoNats();

if (missing === undefined)
  testEventStore('JetStream', async () => {
    const nats = await startTestNats();
    const [store, obedient] = [await nats.connect('monitor'), await nats.connect('backup')];
    return { store, obedient, [Symbol.asyncDispose]: () => nats[Symbol.asyncDispose]() };
  });
else test.skip(`JetStream: ${missing}`, () => undefined);
