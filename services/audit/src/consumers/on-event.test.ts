import type { HoldfastEvent } from '@holdfast/contracts/catalog';
import type { Handler } from '@holdfast/event-store/event-store';
import { createMemoryStore } from '@holdfast/event-store/memory-store';
import { silentLogger } from '@holdfast/runtime/logger';
import { fakeClock } from '@holdfast/testkit/fake-clock';
import { expect, test } from '@jest/globals';
import { Registry } from 'prom-client';
import { incoming, sampleEvent, sampleHistory } from '../../test/sample-events.ts';
import { type EventLog, openEventLog } from '../adapters/event-log.ts';
import { createMetrics } from '../metrics.ts';
import { onEvent } from './on-event.ts';

/** The projection over a store whose deliveries the test makes itself. */
async function project(entries: EventLog) {
  const memory = createMemoryStore();
  const told: HoldfastEvent[] = [];
  const given_up: unknown[] = [];
  let handler: Handler = async () => undefined;
  const projection = await onEvent({
    events: {
      ...memory,
      consume: async (options, given) => {
        handler = given;
        return memory.consume(options, async () => undefined);
      },
      append: async (events) => {
        told.push(...events);
        return { last_seq: 0 };
      },
    },
    origin: { host: 'web1', service: 'audit', clock: fakeClock() },
    host: 'web1',
    log: silentLogger(),
    entries,
    metrics: createMetrics(new Registry(), { size: entries.size, watchers: () => 0 }),
    giveUp: (error) => given_up.push(error),
  });
  const deliver = (events: ReturnType<typeof sampleHistory>) =>
    handler(events.map((event) => ({ ...event, delivery: 1, received_at_ms: 0 })));
  return { projection, deliver, told, given_up };
}

test('a stream that was rewound is told, and its new events are kept', async () => {
  using entries = openEventLog(':memory:');
  const { deliver, told } = await project(entries);
  await deliver(sampleHistory(300));
  await deliver([incoming(sampleEvent(300), 7)]);
  expect(told.map(({ type, data }) => ({ type, data }))).toEqual([
    {
      type: 'EventStoreRewound',
      data: { stream: 'EVENTS', expected_seq: 301, actual_seq: 7, epoch: 2, refilled: 0 },
    },
  ]);
  expect(entries.size()).toBe(301);
});

const failing = (errcode: number): EventLog => ({
  ...openEventLog(':memory:'),
  append: () => {
    throw Object.assign(new Error('no'), { errcode });
  },
});

test.each([
  ['a full disk is waited for', 13, 0],
  ['a failed fsync ends the service', 1034, 1],
])('%s', async (_, errcode, ends) => {
  using entries = failing(errcode);
  const { projection, deliver, given_up } = await project(entries);
  await expect(deliver(sampleHistory(1))).rejects.toThrow('no');
  expect([projection.failure(), given_up.length]).toEqual(['no', ends]);
});
