import type { HoldfastEvent } from '@holdfast/contracts/catalog';
import {
  ALL_DEADLETTERS,
  DEADLETTERS_STREAM,
  deadLetterSubject,
  EVENTS_STREAM,
  maxDeliveriesAdvisory,
} from '@holdfast/contracts/subjects';
import { AckPolicy } from '@nats-io/jetstream';
import { headers } from '@nats-io/nats-core';
import { deadLettered, type Replayed } from './dead-letters.ts';
import { ensureConsumer } from './ensure-consumer.ts';
import type { DeadLetter } from './event-store.ts';
import type { Log } from './log.ts';
import type { Origin } from './new-event.ts';
import { type Pull, type Pulled, pullAll, startPull } from './pull.ts';
import { readStream, type Stores } from './stream-reader.ts';

/** What consumers and dead letters need of their store. */
export interface ConsumerContext extends Stores {
  readonly log: Log;
  readonly origin: Origin | undefined;
  append(events: readonly HoldfastEvent[]): Promise<unknown>;
}

const TIMEOUT_MS = 5_000;
const REASON_CHARS_MAX = 1_000;
const FIELD = {
  consumer: 'Holdfast-Consumer',
  subject: 'Holdfast-Subject',
  seq: 'Holdfast-Seq',
  reason: 'Holdfast-Reason',
} as const;

/** Keeps a letter, once, and tells it; durable when it resolves. */
export async function park(context: ConsumerContext, letter: DeadLetter): Promise<void> {
  const { link, origin } = context;
  const fields = headers();
  fields.set('Nats-Msg-Id', `${letter.consumer} ${letter.seq}`);
  fields.set(FIELD.consumer, letter.consumer);
  fields.set(FIELD.subject, letter.subject);
  fields.set(FIELD.seq, String(letter.seq));
  fields.set(FIELD.reason, oneLine(letter.reason));
  const subject = deadLetterSubject(letter.consumer);
  await link.untilLost('parking a message', () =>
    link.nc.request(subject, letter.bytes, { headers: fields, timeout: TIMEOUT_MS }),
  );
  if (origin !== undefined) await context.append([deadLettered(origin, letter)]);
}

const oneLine = (text: string) => text.replace(/\s+/g, ' ').slice(0, REASON_CHARS_MAX);

function letterIn({ headers: fields, bytes }: Pulled): DeadLetter {
  return {
    consumer: fields?.get(FIELD.consumer) ?? '',
    subject: fields?.get(FIELD.subject) ?? '',
    seq: Number(fields?.get(FIELD.seq)),
    reason: fields?.get(FIELD.reason) ?? '',
    bytes,
  };
}

/** Everything that was ever parked. */
export async function* readDeadLetters(stores: Stores): AsyncGenerator<DeadLetter> {
  for await (const message of readStream(stores, DEADLETTERS_STREAM, { filter_subject: ALL_DEADLETTERS }))
    yield letterIn(message);
}

/** What one consumer has parked and was not replayed yet; how far that came is durable. */
export async function* openReplay(stores: Stores, durable: string): AsyncGenerator<Replayed> {
  const replay = `${durable}-replay`;
  const filters = [deadLetterSubject(durable)];
  await ensureConsumer(stores, {
    stream: DEADLETTERS_STREAM,
    durable: replay,
    filters,
    config: { ack_policy: AckPolicy.All },
  });
  await stores.link.untilLost('replay', () => stores.manager.consumers.reset(DEADLETTERS_STREAM, replay));
  for await (const message of pullAll(stores.link, DEADLETTERS_STREAM, replay))
    yield { letter: letterIn(message), ack: () => message.respond('+ACK') };
}

interface Advisory {
  stream_seq: number;
  deliveries: number;
}

/**
 * Parks what was delivered too often without any answer: its handler kills the process, or never ends. The server tells
 * so once; DEADLETTERS keeps that until it was done.
 */
export async function followAdvisories(context: ConsumerContext, durable: string): Promise<Pull> {
  const consumer = `${durable}-advisories`;
  const parkAdvised = async (message: Pulled) => {
    const { stream_seq, deliveries } = JSON.parse(new TextDecoder().decode(message.bytes)) as Advisory;
    const found = await context.link.untilLost('reading an event', () =>
      context.manager.streams.getMessage(EVENTS_STREAM, { seq: stream_seq }),
    );
    const reason = `delivered ${deliveries} times without an answer`;
    const { subject = '', data: bytes = new Uint8Array() } = found ?? {};
    await park(context, { consumer: durable, subject, seq: stream_seq, reason, bytes });
    message.respond('+ACK');
  };
  return startPull(context.link, {
    stream: DEADLETTERS_STREAM,
    batch: 10,
    log: context.log,
    prepare: async () => {
      const filters = [maxDeliveriesAdvisory(durable)];
      const config = { ack_policy: AckPolicy.Explicit };
      await ensureConsumer(context, { stream: DEADLETTERS_STREAM, durable: consumer, filters, config });
      return consumer;
    },
    onMessage: (message) => {
      parkAdvised(message).catch((error) => {
        context.log.error({ err: error, consumer: durable }, 'could not be parked; will retry');
        message.respond('-NAK {"delay": 1000000000}');
      });
    },
  });
}
