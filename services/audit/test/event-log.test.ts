import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { tempDir } from '@holdfast/testkit/temp-dir';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type EventLog, openEventLog } from '../src/adapters/event-log.ts';
import { EVERYTHING } from '../src/domain/query/query.ts';
import { incoming, sampleEvent, sampleHistory } from './sample-events.ts';

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

async function ids(log: EventLog): Promise<string[]> {
  const { entries } = await log.page(EVERYTHING, { limit: 1000, order: 'asc' });
  expect(entries.map(({ index }) => index)).toEqual(entries.map((_, at) => at));
  return entries.map(({ bytes }) => JSON.parse(text(bytes)).id);
}

test('however events are redelivered and mixed, each is there once, in the order first seen', async () => {
  const history = sampleHistory(12);
  const deliveries = fc.array(fc.array(fc.nat({ max: history.length - 1 }), { maxLength: 8 }), {
    maxLength: 8,
  });
  await fc.assert(
    fc.asyncProperty(deliveries, async (batches) => {
      using log = openEventLog(':memory:');
      for (const batch of batches) log.append(batch.flatMap((n) => history[n] ?? []));
      const firstSeen = [...new Set(batches.flat())].map((n) => history[n]?.event.id);
      expect(await ids(log)).toEqual(firstSeen);
      expect(log.size()).toBe(firstSeen.length);
    }),
    { numRuns: 100 },
  );
});

test('an entry is the exact bytes and their leaf hash, by id and by place', () => {
  using log = openEventLog(':memory:');
  const [first, second] = sampleHistory(2);
  const spaced = new TextEncoder().encode(JSON.stringify(second?.event, null, 3));
  log.append([...(first ? [first] : []), { ...incoming(sampleEvent(1), 2), bytes: spaced }]);
  const entry = log.entry('1');
  expect(text(entry?.bytes ?? new Uint8Array())).toBe(text(spaced));
  const leaf = createHash('sha256').update(Uint8Array.of(0)).update(spaced).digest('hex');
  expect(Buffer.from(entry?.leaf ?? []).toString('hex')).toBe(leaf);
  expect(log.entry(first?.event.id ?? '')?.index).toBe(0);
  expect([log.entry('2'), log.entry('nothing')]).toEqual([null, null]);
});

test('a restart keeps events, size and position', async () => {
  using dir = tempDir();
  const file = join(dir.path, 'audit', 'log.sqlite');
  const history = sampleHistory(20);
  {
    using log = openEventLog(file);
    log.append(history.slice(0, 10));
  }
  using log = openEventLog(file);
  expect([log.size(), log.position()]).toEqual([10, { epoch: 1, seq: 10 }]);
  expect(log.append(history)).toEqual({ added: 10, known: 10, rewound: null });
  expect(await ids(log)).toEqual(history.map(({ event }) => event.id));
});

test('a slice that cannot be written leaves nothing behind', () => {
  using log = openEventLog(':memory:');
  const [good, bad] = sampleHistory(2);
  const broken = { ...bad, event: { ...bad?.event, subject: null } } as unknown as typeof good;
  expect(() => log.append([good, broken].flatMap((one) => one ?? []))).toThrow();
  expect([log.size(), log.position().seq, log.entry('0')]).toEqual([0, 0, null]);
});

test('a stream that gives sequences out again begins a new epoch', () => {
  using log = openEventLog(':memory:');
  const history = sampleHistory(6);
  log.append(history.slice(0, 5));
  const again = log.append([incoming(sampleEvent(5), 3)]);
  expect(again.rewound).toEqual({ expected_seq: 6, actual_seq: 3, epoch: 2 });
  expect([log.size(), log.position()]).toEqual([6, { epoch: 2, seq: 3 }]);
});

test('who listens hears of what is new, until told otherwise', () => {
  using log = openEventLog(':memory:');
  const history = sampleHistory(3);
  let heard = 0;
  const stop = log.onAppend(() => {
    heard += 1;
  });
  log.append(history.slice(0, 2));
  log.append(history.slice(0, 2));
  stop();
  log.append(history);
  expect(heard).toBe(1);
});
