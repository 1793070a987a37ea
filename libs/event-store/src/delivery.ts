import { isHoldfastError } from '@holdfast/contracts/errors';
import { subjectOf } from '@holdfast/contracts/subjects';
import { parseEvent } from '@holdfast/contracts/upcast';
import type { ConsumeOptions, Handler, StoredEvent } from './event-store.ts';
import type { Log } from './log.ts';
import { pause } from './pause.ts';

// What happens between a store that delivers and a handler that may fail: the same for JetStream and memory.

/** An event that keeps failing is parked after as many attempts as this has entries, and one. */
export const REACTOR_BACKOFF_MS = [50, 500, 2_000, 5_000, 15_000, 30_000, 60_000] as const;
/** The last one is used for ever. */
export const PROJECTION_BACKOFF_MS = [50, 100, 250, 500, 1_000, 2_000, 5_000] as const;
const BATCH_DEFAULT = 256;
const ROOM_AGAIN_MS = 1_000;

/** A message as it was delivered. */
export interface Message {
  readonly subject: string;
  readonly bytes: Uint8Array;
  readonly seq: number;
  readonly delivery: number;
  readonly received_at_ms: number;
}

/** With what may become of it. */
export interface Incoming extends Message {
  /** For a projection: this one and all before it. */
  ack(): void;
  /** Deliver it again, so much later. */
  nak(delay_ms: number): void;
  /** Keeps it in DEADLETTERS with the reason; resolves when that is durable and it will not come again. */
  park(reason: string): Promise<void>;
}

/** Takes messages in, hands them on in batches, one call at a time. */
export interface Delivery {
  push(incoming: Incoming): void;
  /** Forgets what is not done, as it will be delivered again; resolves when no call is under way. */
  clear(): Promise<void>;
  /** Lets the call under way end, and starts no other. */
  stop(): Promise<void>;
}

type Options = Pick<ConsumeOptions, 'durable' | 'kind' | 'batch' | 'backoff_ms'>;

/** The event of a message, or why it is none. A subject that its event does not belong on is a forgery. */
export function readStored(incoming: Message): StoredEvent | string {
  try {
    const event = parseEvent(incoming.bytes);
    if (subjectOf(event) !== incoming.subject) return `its event belongs on ${subjectOf(event)}`;
    const { bytes, seq, delivery, received_at_ms } = incoming;
    return { event, bytes, seq, delivery, received_at_ms };
  } catch (error) {
    return Error.isError(error) ? error.message : String(error);
  }
}

/** Starts the loop of one consumer. */
export function createDelivery(options: Options, handler: Handler, log: Log): Delivery {
  const queue: Incoming[] = [];
  let stopped = false;
  let turn = new AbortController();
  let running: Promise<void> | undefined;

  const run = async () => {
    // Everything that came with the same read of the socket is one batch.
    await new Promise(setImmediate);
    while (queue.length > 0 && !stopped) {
      const batch = queue.splice(0, batchSize(options, queue));
      const work = { options, handler, log, stopped: turn.signal };
      await (options.kind === 'projection' ? project(batch, work) : react(batch, work));
    }
    running = undefined;
  };
  const endTurn = async () => {
    turn.abort();
    queue.splice(0);
    await running;
    turn = new AbortController();
  };
  return {
    push: (incoming) => {
      queue.push(incoming);
      running ??= run();
    },
    clear: endTurn,
    stop: () => {
      stopped = true;
      return endTurn();
    },
  };
}

/** Redelivered events go to a reactor one by one, so that a poisonous one cannot take others with it. */
function batchSize({ kind, batch = BATCH_DEFAULT }: Options, queue: readonly Incoming[]): number {
  if (kind === 'projection') return batch;
  if ((queue[0]?.delivery ?? 1) > 1) return 1;
  const again = queue.slice(0, batch).findIndex(({ delivery }) => delivery > 1);
  return again === -1 ? batch : again;
}

interface Work {
  options: Options;
  handler: Handler;
  log: Log;
  stopped: AbortSignal;
}

/** In order, from the same place until it succeeds or the consumer is stopped. */
async function project(batch: readonly Incoming[], work: Work): Promise<void> {
  for (let attempt = 1; !work.stopped.aborted; attempt += 1) {
    try {
      const stored = await parkUnreadable(batch);
      if (stored.length > 0) await work.handler(stored);
      batch.at(-1)?.ack();
      return;
    } catch (error) {
      const { durable, backoff_ms = PROJECTION_BACKOFF_MS } = work.options;
      const [seq, delay_ms] = [batch[0]?.seq, backoff_ms[attempt - 1] ?? backoff_ms.at(-1) ?? 0];
      work.log.error(
        { err: error, consumer: durable, seq, attempt, delay_ms },
        'projection stopped; will retry',
      );
      await pause(delay_ms, work.stopped);
    }
  }
}

/** Each event is acknowledged, delivered again later, or parked. A full disk is no event's fault: it is waited out. */
async function react(batch: readonly Incoming[], work: Work): Promise<void> {
  do {
    try {
      const stored = await parkUnreadable(batch);
      if (stored.length > 0) await work.handler(stored);
      for (const incoming of batch) incoming.ack();
      return;
    } catch (error) {
      if (!isStorageFull(error)) {
        for (const incoming of batch) await retryOrPark(incoming, error, work);
        return;
      }
      const { durable: consumer } = work.options;
      work.log.error({ err: error, consumer, delay_ms: ROOM_AGAIN_MS }, 'no space left; waiting for some');
      await pause(ROOM_AGAIN_MS, work.stopped);
    }
  } while (!work.stopped.aborted);
}

function isStorageFull(error: unknown): boolean {
  return isHoldfastError(error) && error.code === 'storage_full';
}

async function retryOrPark(incoming: Incoming, error: unknown, { options, log }: Work): Promise<void> {
  const { durable: consumer, backoff_ms = REACTOR_BACKOFF_MS } = options;
  const { seq, delivery } = incoming;
  const delay_ms = backoff_ms[delivery - 1];
  if (delay_ms !== undefined) {
    log.warn({ err: error, consumer, seq, delivery, delay_ms }, 'handler failed; will be delivered again');
    return incoming.nak(delay_ms);
  }
  log.error({ err: error, consumer, seq, delivery }, 'handler keeps failing; event parked');
  try {
    await incoming.park(Error.isError(error) ? error.message : String(error));
  } catch (failure) {
    log.error({ err: failure, consumer, seq }, 'could not be parked; will be delivered again');
    incoming.nak(backoff_ms.at(-1) ?? 0);
  }
}

async function parkUnreadable(batch: readonly Incoming[]): Promise<StoredEvent[]> {
  const readable: StoredEvent[] = [];
  for (const incoming of batch) {
    const stored = readStored(incoming);
    if (typeof stored === 'string') await incoming.park(stored);
    else readable.push(stored);
  }
  return readable;
}
