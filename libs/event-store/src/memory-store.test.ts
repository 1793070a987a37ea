import { testEventStore } from './conformance.ts';
import { createMemoryStore } from './memory-store.ts';

const origin = { host: 'web1', service: 'monitor', clock: { now_ms: () => Date.now() } } as const;

testEventStore('memory', async () => {
  const store = createMemoryStore({ origin });
  return { store, obedient: store, [Symbol.asyncDispose]: () => store[Symbol.asyncDispose]() };
});
