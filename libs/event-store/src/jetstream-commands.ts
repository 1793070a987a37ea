import { COMMANDS_STREAM, commandFilter, durableName } from '@holdfast/contracts/subjects';
import { AckPolicy } from '@nats-io/jetstream';
import { nanos } from '@nats-io/nats-core';
import { createObedience } from './commands.ts';
import { ensureConsumer } from './ensure-consumer.ts';
import type { CommandHandler, CommandsOptions } from './event-store.ts';
import { type ConsumerContext, park } from './jetstream-dead-letters.ts';
import type { Link } from './link.ts';
import { type Pulled, startPull } from './pull.ts';
import { encode } from './questions.ts';

const ACK_WAIT_MS = 30_000;
const IN_HAND = 64;
const TIMEOUT_MS = 5_000;

/** Takes the commands to one service of one host from the work queue: `obey` of Messaging over JetStream. */
export async function startObeying(
  context: ConsumerContext,
  { service, host }: CommandsOptions,
  handler: CommandHandler,
): Promise<AsyncDisposable> {
  const { link, log } = context;
  const durable = durableName(service, host, 'commands');
  const obedience = createObedience(handler, log);
  const in_hand = new Map<number, Pulled>();
  const settle = (seq: number, verdict: string) => {
    in_hand.get(seq)?.respond(verdict);
    in_hand.delete(seq);
  };
  const prepare = async () => {
    await ensureConsumer(context, {
      stream: COMMANDS_STREAM,
      durable,
      filters: [commandFilter(service, host)],
      config: { ack_policy: AckPolicy.Explicit, ack_wait: nanos(ACK_WAIT_MS), max_ack_pending: IN_HAND },
    });
    return durable;
  };
  const onMessage = (message: Pulled) => {
    const again = in_hand.has(message.seq);
    in_hand.set(message.seq, message);
    if (again) return;
    const { subject, bytes, seq, delivery } = message;
    obedience.push({
      ...{ subject, bytes, seq, delivery },
      ack: () => settle(seq, '+ACK'),
      nak: (delay_ms) => settle(seq, `-NAK {"delay": ${nanos(delay_ms)}}`),
      park: async (reason) => {
        await park(context, { consumer: durable, subject, seq, reason, bytes });
        settle(seq, '+TERM parked');
      },
    });
  };
  const pull = await startPull(link, { stream: COMMANDS_STREAM, batch: IN_HAND, log, prepare, onMessage });
  return {
    [Symbol.asyncDispose]: async () => {
      await pull.stop();
      await obedience.stop();
      // The next one need not wait for what this one did not come to.
      for (const seq of [...in_hand.keys()]) settle(seq, '-NAK');
    },
  };
}

/** Puts a command into the work queue; durable when it resolves. */
export async function sendCommand(link: Link, subject: string, payload: unknown): Promise<void> {
  await link.untilLost(`command ${subject}`, () =>
    link.nc.request(subject, encode(payload), { timeout: TIMEOUT_MS }),
  );
}
