import { HoldfastError } from '@holdfast/contracts/errors';
import { EVENTS_STREAM } from '@holdfast/contracts/subjects';
import { DeliverPolicy, jetstreamManager } from '@nats-io/jetstream';
import { append } from './append.ts';
import { type Access, natsError, openConnection } from './connection.ts';
import { readStored } from './delivery.ts';
import { checkDurable } from './durability.ts';
import type { Consumer, EventStore, Messaging, StoredEvent } from './event-store.ts';
import { sendCommand, startObeying } from './jetstream-commands.ts';
import { startConsumer } from './jetstream-consumer.ts';
import { type ConsumerContext, readDeadLetters } from './jetstream-dead-letters.ts';
import { followLink, type Link } from './link.ts';
import { type Log, silentLog } from './log.ts';
import { openKeyValue } from './nats-key-value.ts';
import type { Origin } from './new-event.ts';
import { provision } from './provision.ts';
import { answerIn, encode, replyTo } from './questions.ts';
import { filterFields, readStream, type Stores } from './stream-reader.ts';

/** The event store in NATS, and what else its connection gives. */
export type JetStreamStore = EventStore & Messaging;

export interface ConnectOptions extends Access {
  /** Who connects: a service's name. Answers come to an inbox of this name, and only its user may read that. */
  name: string;
  log?: Log;
  /** Speaks the DeadLettered events; without it none are told. */
  origin?: Origin;
  /** The monitoring page of a server that is not ours: by it we see that it syncs. */
  monitor_url?: string;
}

/**
 * Connects and checks the server: `nats_unreachable`, `nats_forbidden`, `nats_not_durable`. On a server without our
 * streams they are made, where we may. Once connected, the store mends its connection for ever: consumers go on, appends
 * reject with `nats_unreachable` meanwhile.
 */
export async function connectEventStore(options: ConnectOptions): Promise<JetStreamStore> {
  const { log = silentLog, origin, monitor_url } = options;
  const nc = await openConnection(options);
  try {
    if (nc.info !== undefined) await checkDurable(nc.info, monitor_url, log);
    const manager = await jetstreamManager(nc, { checkAPI: false, timeout: 5_000 });
    const link = followLink(nc, options.name, log);
    const stores = { link, manager };
    await ensureStreams(stores);
    const context: ConsumerContext = { ...stores, log, origin, append: (events) => append(link, events) };
    return createStore(context);
  } catch (error) {
    await nc.close();
    throw natsError(error, `NATS at ${options.url}`);
  }
}

async function ensureStreams({ link, manager }: Stores): Promise<void> {
  try {
    await manager.streams.info(EVENTS_STREAM);
  } catch (error) {
    if (!Error.isError(error) || error.name !== 'StreamNotFoundError') throw error;
    await provision(link.nc);
  }
}

function createStore(context: ConsumerContext): JetStreamStore {
  const { link, manager, log } = context;
  const consumers = new Set<Consumer>();
  return {
    append: (events, options) => append(link, events, options),
    consume: async (options, handler) => {
      const consumer = await startConsumer(context, options, handler);
      consumers.add(consumer);
      return consumer;
    },
    read: (from_seq, filters) => readEvents(context, from_seq, filters),
    last_seq: async () => {
      const info = await link.untilLost('last sequence', () => manager.streams.info(EVENTS_STREAM));
      return info.state.last_seq;
    },
    keyValue: (bucket) => openKeyValue(context, bucket, log),
    ask: (subject, payload, timeout_ms) => ask(link, { subject, timeout_ms }, payload),
    answer: async (subject, answerer) => {
      const subscription = link.nc.subscribe(subject, {
        callback: (error, msg) => {
          if (error !== null) return log.error({ err: error, subject }, 'cannot answer');
          replyTo(msg.data, answerer)
            .then((reply) => msg.respond(reply))
            .catch((failure) => log.warn({ err: failure, subject }, 'an answer could not be sent'));
        },
      });
      return { [Symbol.asyncDispose]: async () => subscription.unsubscribe() };
    },
    obey: (options, handler) => startObeying(context, options, handler),
    command: (subject, payload) => sendCommand(link, subject, payload),
    connected: link.connected,
    deadLetters: () => readDeadLetters(context),
    [Symbol.asyncDispose]: async () => {
      await Promise.all([...consumers].map((consumer) => consumer[Symbol.asyncDispose]()));
      // What was only sent, acknowledgements, must be on its way.
      if (link.connected()) await link.nc.flush().catch((error) => log.debug({ err: error }, 'not flushed'));
      await link.nc.close();
    },
  };
}

async function* readEvents(
  stores: Stores,
  from_seq: number,
  filters?: readonly string[],
): AsyncGenerator<StoredEvent> {
  const config = {
    deliver_policy: DeliverPolicy.StartSequence,
    opt_start_seq: Math.max(1, from_seq),
    ...filterFields(filters),
  };
  for await (const message of readStream(stores, EVENTS_STREAM, config)) {
    const { subject, bytes, seq, delivery } = message;
    const stored = readStored({ subject, bytes, seq, delivery, received_at_ms: Date.now() });
    if (typeof stored === 'string') throw new HoldfastError('event_invalid', `event ${seq}: ${stored}`);
    yield stored;
  }
}

async function ask<Answer>(
  link: Link,
  { subject, timeout_ms }: { subject: string; timeout_ms: number },
  payload: unknown,
): Promise<Answer> {
  const reply = await link.untilLost(`asking ${subject}`, async () => {
    try {
      return await link.nc.request(subject, encode(payload), { timeout: timeout_ms });
    } catch (error) {
      const silent = Error.isError(error) && /NoResponders|Timeout/.test(`${error.name} ${error.cause}`);
      if (!silent) throw error;
      throw new HoldfastError('unavailable', `nobody answers ${subject}`, { cause: error });
    }
  });
  return answerIn<Answer>(reply.data);
}
