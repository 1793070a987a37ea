import { DatabaseSync } from 'node:sqlite';
import { HoldfastError } from '@holdfast/contracts/errors';
import { describe, expect, test } from '@jest/globals';
import { firstTime, INBOX_SCHEMA } from './dedup.ts';
import type { EventStore } from './event-store.ts';
import { createMemoryStore } from './memory-store.ts';
import { newEvent } from './new-event.ts';
import { createOutbox, OUTBOX_SCHEMA } from './outbox.ts';

const origin = { host: 'web1', service: 'monitor', clock: { now_ms: () => Date.now() } } as const;
const eventAbout = (subject: string) =>
  newEvent(origin, 'ServiceStarted', { subject, data: { host: 'web1', service: 'monitor', version: '1' } });

function openTables() {
  const db = new DatabaseSync(':memory:');
  db.exec(`${OUTBOX_SCHEMA}; ${INBOX_SCHEMA}`);
  return db;
}

async function subjectsIn(store: EventStore) {
  const events = await Array.fromAsync(store.read(1));
  return events.map(({ event }) => event.subject);
}

describe('outbox', () => {
  test('what was queued while a batch was on its way goes as the next batch, in order', async () => {
    const store = createMemoryStore();
    const sizes: number[] = [];
    const append: EventStore['append'] = async (events) => {
      sizes.push(events.length);
      return store.append(events);
    };
    await using outbox = createOutbox({ db: openTables(), store: { append } });
    await outbox.idle();
    for (const subject of ['a', 'b', 'c']) {
      outbox.add([eventAbout(subject)]);
      outbox.wake();
    }
    expect(outbox.pending()).toBe(3);
    await outbox.idle();
    expect(outbox.pending()).toBe(0);
    expect(sizes).toEqual([1, 2]);
    expect(await subjectsIn(store)).toEqual(['a', 'b', 'c']);
  });

  test('goes on while the store is away, and an event whose acknowledgement was lost is told once', async () => {
    const store = createMemoryStore();
    let failures = 3;
    const append: EventStore['append'] = async (events) => {
      failures -= 1;
      if (failures === 0) await store.append(events);
      if (failures >= 0) throw new HoldfastError('nats_unreachable', 'gone');
      return store.append(events);
    };
    await using outbox = createOutbox({ db: openTables(), store: { append } });
    outbox.add([eventAbout('a'), eventAbout('b')]);
    await outbox.idle();
    expect(await subjectsIn(store)).toEqual(['a', 'b']);
  });

  test('a restart sends what the last run left, and keeps what was published', async () => {
    const db = openTables();
    const store = createMemoryStore();
    const never: EventStore['append'] = async () => {
      throw new HoldfastError('nats_unreachable', 'gone');
    };
    const first = createOutbox({ db, store: { append: never } });
    first.add([eventAbout('a')]);
    await first[Symbol.asyncDispose]();
    await using second = createOutbox({ db, store });
    await second.idle();
    expect(await subjectsIn(store)).toEqual(['a']);
    expect(db.prepare('SELECT published_seq FROM outbox').all()).toEqual([{ published_seq: 1 }]);
  });
});

test('an event is new to each consumer once', () => {
  const db = openTables();
  expect(firstTime(db, 'audit', 'e1')).toBe(true);
  expect(firstTime(db, 'audit', 'e1')).toBe(false);
  expect(firstTime(db, 'alerting', 'e1')).toBe(true);
});
