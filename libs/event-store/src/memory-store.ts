import type { HoldfastEvent } from '@holdfast/contracts/catalog';
import { HoldfastError } from '@holdfast/contracts/errors';
import { subjectOf } from '@holdfast/contracts/subjects';
import { createReplay, deadLettered } from './dead-letters.ts';
import { createDelivery, type Message, readStored } from './delivery.ts';
import {
  type Answerer,
  type ConsumeOptions,
  type Consumer,
  checkCount,
  type DeadLetter,
  type EventStore,
  type Handler,
  type Messaging,
} from './event-store.ts';
import { createMemoryKeyValue, type KeyValue } from './key-value.ts';
import { type Log, silentLog } from './log.ts';
import { createMemoryCommands } from './memory-commands.ts';
import type { Origin } from './new-event.ts';
import { answerIn, encode, replyTo } from './questions.ts';
import { matchesAny } from './subject-match.ts';

interface Row {
  readonly seq: number;
  readonly id: string;
  readonly subject: string;
  readonly bytes: Uint8Array;
}

/** What a durable consumer leaves behind. */
interface Durable {
  readonly settled: Set<number>;
  readonly deliveries: Map<number, number>;
  replayed: number;
}

interface Memory {
  readonly rows: Row[];
  readonly ids: Set<string>;
  readonly durables: Map<string, Durable>;
  readonly parked: DeadLetter[];
  readonly readers: Set<(row: Row) => void>;
}

/** The twin for tests: no server, no disk, the same behaviour. */
export type MemoryStore = EventStore & Messaging;

/** `origin` speaks the DeadLettered events; without it none are told. */
export function createMemoryStore(options: { log?: Log; origin?: Origin } = {}): MemoryStore {
  const log = options.log ?? silentLog;
  const memory: Memory = { rows: [], ids: new Set(), durables: new Map(), parked: [], readers: new Set() };
  const buckets = new Map<string, KeyValue>();
  const answerers = new Map<string, Answerer>();
  const append: EventStore['append'] = async (events, { expected_last_seq } = {}) => {
    const rows = toRows(memory, events, expected_last_seq);
    memory.rows.push(...rows);
    for (const row of rows) {
      memory.ids.add(row.id);
      for (const reader of memory.readers) reader(row);
    }
    return { last_seq: memory.rows.length };
  };
  const onParked = async (letter: DeadLetter) => {
    memory.parked.push(letter);
    if (options.origin !== undefined) await append([deadLettered(options.origin, letter)]);
  };
  return {
    append,
    consume: async (consume, handler) => startConsumer(memory, { ...consume, log, onParked }, handler),
    read: async function* (from_seq, filters) {
      for (const row of memory.rows.slice(Math.max(0, from_seq - 1))) {
        if (!matchesAny(filters, row.subject)) continue;
        const stored = readStored(toMessage(row, 1));
        if (typeof stored === 'string') throw new HoldfastError('event_invalid', stored);
        yield stored;
      }
    },
    last_seq: async () => memory.rows.length,
    keyValue: async (bucket) => buckets.getOrInsertComputed(bucket, createMemoryKeyValue),
    ask: async <Answer>(subject: string, payload: unknown) => {
      const answerer = answerers.get(subject);
      if (answerer === undefined) throw new HoldfastError('unavailable', `nobody answers ${subject}`);
      return answerIn<Answer>(await replyTo(encode(payload), answerer));
    },
    answer: async (subject, answerer) => {
      answerers.set(subject, answerer);
      return { [Symbol.asyncDispose]: async () => void answerers.delete(subject) };
    },
    ...createMemoryCommands(log, onParked),
    connected: () => true,
    deadLetters: async function* () {
      yield* memory.parked;
    },
    [Symbol.asyncDispose]: async () => memory.readers.clear(),
  };
}

function toRows(memory: Memory, events: readonly HoldfastEvent[], expected_last_seq?: number): Row[] {
  checkCount(events);
  const fresh = events.filter(({ id }) => !memory.ids.has(id));
  const rows = fresh.map((event, index) => ({
    seq: memory.rows.length + 1 + index,
    id: event.id,
    subject: subjectOf(event),
    bytes: encode(event),
  }));
  const [first] = rows;
  if (expected_last_seq === undefined || first === undefined) return rows;
  const last = memory.rows.findLast(({ subject }) => subject === first.subject)?.seq ?? 0;
  if (last !== expected_last_seq)
    throw new HoldfastError('event_conflict', `${first.subject} is at ${last}, not at ${expected_last_seq}`);
  return rows;
}

function toMessage(row: Row, delivery: number): Message {
  const { subject, bytes, seq } = row;
  return { subject, bytes, seq, delivery, received_at_ms: Date.now() };
}

interface StartOptions extends ConsumeOptions {
  log: Log;
  onParked(letter: DeadLetter): Promise<void>;
}

function startConsumer(memory: Memory, options: StartOptions, handler: Handler): Consumer {
  const { durable, filters, log } = options;
  const state = memory.durables.getOrInsertComputed(durable, () => ({
    settled: new Set<number>(),
    deliveries: new Map<number, number>(),
    replayed: 0,
  }));
  const timers = new Set<NodeJS.Timeout>();
  const delivery = createDelivery(options, handler, log);
  const finished = Promise.withResolvers<void>();
  const wanted = () => memory.rows.filter((row) => matchesAny(filters, row.subject));

  const deliver = (row: Row) => {
    const count = (state.deliveries.get(row.seq) ?? 0) + 1;
    state.deliveries.set(row.seq, count);
    delivery.push({
      ...toMessage(row, count),
      ack: () => {
        const upTo = options.kind === 'projection' ? wanted().filter(({ seq }) => seq <= row.seq) : [row];
        for (const { seq } of upTo) state.settled.add(seq);
      },
      nak: (delay_ms) => {
        const timer = setTimeout(() => {
          timers.delete(timer);
          deliver(row);
        }, delay_ms);
        timers.add(timer);
      },
      park: async (reason) => {
        if (state.settled.has(row.seq)) return;
        state.settled.add(row.seq);
        await options.onParked({
          consumer: durable,
          subject: row.subject,
          seq: row.seq,
          reason,
          bytes: row.bytes,
        });
      },
    });
  };
  const onRow = (row: Row) => {
    if (matchesAny(filters, row.subject)) deliver(row);
  };
  for (const row of wanted()) if (!state.settled.has(row.seq)) deliver(row);
  memory.readers.add(onRow);

  const letters = () => memory.parked.filter(({ consumer }) => consumer === durable);
  return {
    done: finished.promise,
    lag: async () => wanted().filter(({ seq }) => !state.settled.has(seq)).length,
    replayDeadLetters: createReplay(handler, async function* () {
      for (const letter of letters().slice(state.replayed))
        yield {
          letter,
          ack: () => {
            state.replayed += 1;
          },
        };
    }),
    [Symbol.asyncDispose]: async () => {
      memory.readers.delete(onRow);
      for (const timer of timers) clearTimeout(timer);
      await delivery.stop();
      finished.resolve();
    },
  };
}
