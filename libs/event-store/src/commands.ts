import { createHash } from 'node:crypto';
import { HoldfastError, isHoldfastError } from '@holdfast/contracts/errors';
import { REACTOR_BACKOFF_MS } from './delivery.ts';
import type { Command, CommandHandler } from './event-store.ts';
import type { Log } from './log.ts';

/** A command as it was delivered, and what may become of it. */
export interface IncomingCommand {
  readonly subject: string;
  readonly bytes: Uint8Array;
  readonly seq: number;
  readonly delivery: number;
  /** Done: it does not come again. */
  ack(): void;
  /** Deliver it again, so much later. */
  nak(delay_ms: number): void;
  /** Keeps it in DEADLETTERS with the reason; resolves when that is durable and it will not come again. */
  park(reason: string): Promise<void>;
}

/** Gives commands to a handler, one after the other. */
export interface Obedience {
  push(command: IncomingCommand): void;
  /** Resolves when the one in hand is done; no other is begun. */
  stop(): Promise<void>;
}

/**
 * Starts the loop of one service. What cannot be read, or is refused (a HoldfastError below status 500), is parked at once;
 * what fails is tried again, and parked after eight attempts.
 */
export function createObedience(handler: CommandHandler, log: Log): Obedience {
  let working = Promise.resolve();
  let stopped = false;
  return {
    push: (incoming) => {
      working = working.then(() => (stopped ? undefined : obey(incoming, handler, log)));
    },
    stop: () => {
      stopped = true;
      return working;
    },
  };
}

async function obey(incoming: IncomingCommand, handler: CommandHandler, log: Log): Promise<void> {
  const { subject, delivery } = incoming;
  try {
    await handler(commandIn(incoming));
    incoming.ack();
  } catch (error) {
    const delay_ms = isRefusal(error) ? undefined : REACTOR_BACKOFF_MS[delivery - 1];
    if (delay_ms === undefined) return parkOrRetry(incoming, error, log);
    log.warn({ err: error, subject, delivery, delay_ms }, 'a command failed; will be delivered again');
    incoming.nak(delay_ms);
  }
}

async function parkOrRetry(incoming: IncomingCommand, error: unknown, log: Log): Promise<void> {
  const { subject } = incoming;
  log.error({ err: error, subject }, 'a command was not obeyed; parked');
  try {
    await incoming.park(Error.isError(error) ? error.message : String(error));
  } catch (failure) {
    log.error({ err: failure, subject }, 'could not be parked; will be delivered again');
    incoming.nak(REACTOR_BACKOFF_MS.at(-1) ?? 0);
  }
}

function isRefusal(error: unknown): boolean {
  return isHoldfastError(error) && error.status < 500;
}

function commandIn({ subject, bytes, seq }: IncomingCommand): Command {
  const [, , , verb = '', , ...key] = subject.split('.');
  const id = createHash('sha256').update(`${seq} ${subject} `).update(bytes).digest('hex');
  return { id, verb, key: key.join('.'), payload: payloadIn(bytes) };
}

function payloadIn(bytes: Uint8Array): unknown {
  if (bytes.length === 0) return {};
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch (cause) {
    throw new HoldfastError('bad_request', 'the command is no JSON', { cause });
  }
}
