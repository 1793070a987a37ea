import { EVENTS_STREAM } from '@holdfast/contracts/subjects';
import { AckPolicy, DeliverPolicy, ReplayPolicy } from '@nats-io/jetstream';
import { nanos } from '@nats-io/nats-core';
import { createReplay } from './dead-letters.ts';
import { createDelivery, type Incoming, REACTOR_BACKOFF_MS } from './delivery.ts';
import { ensureConsumer } from './ensure-consumer.ts';
import type { ConsumeOptions, Consumer, Handler } from './event-store.ts';
import { type ConsumerContext, followAdvisories, openReplay, park } from './jetstream-dead-letters.ts';
import { type Pulled, startPull } from './pull.ts';

/** A reactor that was killed gets back what it had in hand after this; one that works says so more often. */
const REACTOR_ACK_WAIT_MS = 5_000;
const WORKING_EVERY_MS = 1_500;
const PROJECTION_ACK_WAIT_MS = 60_000;
const IN_HAND_MIN = 512;

/** Messages that may be on their way or in hand: one batch at work and one that waits. */
const inHand = ({ batch = 0 }: ConsumeOptions) => Math.max(IN_HAND_MIN, 2 * batch);

/** Reads EVENTS durably: `consume` of an EventStore over JetStream. */
export async function startConsumer(
  context: ConsumerContext,
  options: ConsumeOptions,
  handler: Handler,
): Promise<Consumer> {
  const { link, manager } = context;
  const start = options.kind === 'projection' ? startProjection : startReactor;
  const running = await start(context, options, handler);
  const finished = Promise.withResolvers<void>();
  return {
    done: finished.promise,
    lag: async () => {
      const info = await link.untilLost('lag', () => manager.consumers.info(EVENTS_STREAM, options.durable));
      return info.num_pending + info.num_ack_pending;
    },
    replayDeadLetters: createReplay(handler, () => openReplay(context, options.durable)),
    [Symbol.asyncDispose]: async () => {
      await running[Symbol.asyncDispose]();
      finished.resolve();
    },
  };
}

function makeConsumer(context: ConsumerContext, options: ConsumeOptions): Promise<void> {
  const projection = options.kind === 'projection';
  const attempts = (options.backoff_ms ?? REACTOR_BACKOFF_MS).length + 1;
  return ensureConsumer(context, {
    stream: EVENTS_STREAM,
    durable: options.durable,
    filters: options.filters,
    config: {
      ack_policy: projection ? AckPolicy.All : AckPolicy.Explicit,
      ack_wait: nanos(projection ? PROJECTION_ACK_WAIT_MS : REACTOR_ACK_WAIT_MS),
      max_deliver: projection ? -1 : attempts,
      max_ack_pending: inHand(options),
      deliver_policy: DeliverPolicy.All,
      replay_policy: ReplayPolicy.Instant,
    },
  });
}

function toIncoming(message: Pulled): Omit<Incoming, 'ack' | 'nak' | 'park'> {
  const { subject, bytes, seq, delivery } = message;
  return { subject, bytes, seq, delivery, received_at_ms: Date.now() };
}

/**
 * In order, without a gap: at the start and after every break the server is set back to what was acknowledged last, so
 * that nothing waits for a timer of its own.
 */
async function startProjection(
  context: ConsumerContext,
  options: ConsumeOptions,
  handler: Handler,
): Promise<AsyncDisposable> {
  const { link, manager, log } = context;
  const { durable } = options;
  const delivery = createDelivery(options, handler, log);
  let [done_seq, pushed_seq, deliver_seq] = [0, 0, 0];

  const prepare = async () => {
    await delivery.clear();
    await makeConsumer(context, options);
    await link.untilLost('resume', () => manager.consumers.reset(EVENTS_STREAM, durable));
    [pushed_seq, deliver_seq] = [done_seq, 0];
    return durable;
  };
  const onMessage = (message: Pulled) => {
    const { seq } = message;
    if (deliver_seq !== 0 && message.deliver_seq !== deliver_seq + 1) return pull.restart();
    deliver_seq = message.deliver_seq;
    // Done already, and the acknowledgement was lost; or in hand, and delivered again.
    if (seq <= done_seq) return message.respond('+ACK');
    if (seq <= pushed_seq) return;
    pushed_seq = seq;
    const incoming = toIncoming(message);
    delivery.push({
      ...incoming,
      ack: () => {
        done_seq = seq;
        message.respond('+ACK');
      },
      nak: () => undefined,
      park: (reason) => park(context, { ...incoming, consumer: durable, reason }),
    });
  };
  const pull = await pullEvents(context, options, { prepare, onMessage });
  return {
    [Symbol.asyncDispose]: async () => {
      await pull.stop();
      await delivery.stop();
    },
  };
}

/** Pulls from the stream of events as many as the consumer may have in hand. */
function pullEvents(
  { link, log }: ConsumerContext,
  options: ConsumeOptions,
  calls: Pick<Parameters<typeof startPull>[1], 'prepare' | 'onMessage'>,
) {
  return startPull(link, { stream: EVENTS_STREAM, batch: inHand(options), log, ...calls });
}

/** Each event by itself: acknowledged, delivered again later, or parked. */
async function startReactor(
  context: ConsumerContext,
  options: ConsumeOptions,
  handler: Handler,
): Promise<AsyncDisposable> {
  const { link, log } = context;
  const { durable } = options;
  const delivery = createDelivery(options, handler, log);
  const in_hand = new Map<number, Pulled>();
  const settle = (seq: number, verdict: string) => {
    in_hand.get(seq)?.respond(verdict);
    in_hand.delete(seq);
  };
  const onMessage = (message: Pulled) => {
    const again = in_hand.has(message.seq);
    in_hand.set(message.seq, message);
    if (again) return;
    const incoming = toIncoming(message);
    delivery.push({
      ...incoming,
      ack: () => settle(message.seq, '+ACK'),
      nak: (delay_ms) => settle(message.seq, `-NAK {"delay": ${nanos(delay_ms)}}`),
      park: async (reason) => {
        await park(context, { ...incoming, consumer: durable, reason });
        settle(message.seq, '+TERM parked');
      },
    });
  };
  const prepare = async () => {
    await makeConsumer(context, options);
    return durable;
  };
  const pull = await pullEvents(context, options, { prepare, onMessage });
  const advisories = await followAdvisories(context, durable);
  const working = setInterval(() => {
    if (link.connected()) for (const message of in_hand.values()) message.respond('+WPI');
  }, WORKING_EVERY_MS);
  return {
    [Symbol.asyncDispose]: async () => {
      await Promise.all([pull.stop(), advisories.stop()]);
      await delivery.stop();
      clearInterval(working);
      // The next one need not wait for what this one did not come to.
      for (const seq of [...in_hand.keys()]) settle(seq, '-NAK');
    },
  };
}
