import { JETSTREAM } from '@holdfast/contracts/subjects';
import { type Msg, type MsgHdrs, nanos } from '@nats-io/nats-core';
import type { Link } from './link.ts';
import type { Log } from './log.ts';
import { pause } from './pause.ts';

const EXPIRES_MS = 30_000;
const HEARTBEAT_MS = 2_000;
/** So long without a word and the pull is made anew. */
const SILENCE_MAX_MS = 5_000;
const RETRY_MS = 200;
const READ_BATCH = 500;
/** Status codes of the server inside a pull. */
const HEARTBEAT = 100;
const NO_MESSAGES = [404, 408];

/** A message of a stream as a consumer delivers it. */
export interface Pulled {
  readonly subject: string;
  readonly bytes: Uint8Array;
  readonly headers: MsgHdrs | undefined;
  readonly seq: number;
  readonly delivery: number;
  /** Counts up by one for every delivery of this consumer. */
  readonly deliver_seq: number;
  /** Messages that match and were not delivered yet. */
  readonly pending: number;
  /** `+ACK`, `-NAK …`, `+WPI`, `+TERM …`: sent, not waited for. */
  respond(verdict: string): void;
}

/** `$JS.ACK.<stream>.<consumer>.<delivery>.<seq>.<deliver_seq>.<time>.<pending>`, newer: with domain and account first. */
function toPulled(msg: Msg): Pulled {
  const tokens = (msg.reply ?? '').split('.');
  const [delivery, seq, deliver_seq, , pending] = tokens.slice(tokens.length === 9 ? 4 : 6).map(Number);
  return {
    subject: msg.subject,
    bytes: msg.data,
    headers: msg.headers,
    seq: seq ?? 0,
    delivery: delivery ?? 1,
    deliver_seq: deliver_seq ?? 0,
    pending: pending ?? 0,
    respond: (verdict) => void msg.respond(verdict),
  };
}

export interface PullOptions {
  readonly stream: string;
  /** Messages that may be on their way to us. */
  readonly batch: number;
  readonly log: Log;
  /** Makes the consumer ready and names it: at the start, and after every break. */
  prepare(): Promise<string>;
  onMessage(message: Pulled): void;
}

/** A pull without end. */
export interface Pull {
  /** Breaks off and prepares again. */
  restart(): void;
  stop(): Promise<void>;
}

/** Starts to pull; rejects where the consumer cannot be made the first time. Later breaks are mended for ever. */
export async function startPull(link: Link, options: PullOptions): Promise<Pull> {
  const { log, stream } = options;
  const stopping = new AbortController();
  let current = openPull(link, options, await options.prepare(), () => restart());
  let restarting: Promise<void> | undefined;

  const again = async () => {
    current.close();
    while (!stopping.signal.aborted) {
      try {
        const consumer = await options.prepare();
        if (!stopping.signal.aborted) current = openPull(link, options, consumer, () => restart());
        break;
      } catch (error) {
        log.warn({ err: error, stream }, 'consumer not ready; will retry');
        await pause(RETRY_MS, stopping.signal);
      }
    }
    restarting = undefined;
  };
  const restart = () => {
    if (!stopping.signal.aborted) restarting ??= again();
  };
  const forget = link.onReconnect(restart);
  return {
    restart,
    stop: async () => {
      forget();
      stopping.abort();
      current.close();
      await restarting;
    },
  };
}

/** One pull, as long as nothing breaks. */
function openPull(link: Link, options: PullOptions, consumer: string, broken: () => void): { close(): void } {
  const { nc } = link;
  const inbox = link.newInbox();
  let [wanted, heard_at_ms] = [0, performance.now()];
  const request = () => {
    const batch = options.batch - wanted;
    wanted += batch;
    const body = { batch, expires: nanos(EXPIRES_MS), idle_heartbeat: nanos(HEARTBEAT_MS) };
    nc.publish(JETSTREAM.pull(options.stream, consumer), JSON.stringify(body), { reply: inbox });
  };
  const onStatus = (msg: Msg) => {
    const code = msg.headers?.code ?? 0;
    if (code === HEARTBEAT) return;
    if (!NO_MESSAGES.includes(code)) return broken();
    wanted = Math.max(0, wanted - Number(msg.headers?.get('Nats-Pending-Messages') ?? 0));
    if (wanted <= options.batch / 2) request();
  };
  const subscription = nc.subscribe(inbox, {
    callback: (error, msg) => {
      if (error !== null) return options.log.error({ err: error }, 'the pull was refused');
      heard_at_ms = performance.now();
      if (msg.subject === inbox) return onStatus(msg);
      wanted -= 1;
      if (wanted <= options.batch / 2) request();
      options.onMessage(toPulled(msg));
    },
  });
  request();
  const timer = setInterval(() => {
    if (link.connected() && performance.now() - heard_at_ms > SILENCE_MAX_MS) broken();
  }, HEARTBEAT_MS);
  return {
    close: () => {
      clearInterval(timer);
      if (!nc.isClosed()) subscription.unsubscribe();
    },
  };
}

/** All that a consumer has to deliver now, in order; ends when there is nothing more. */
export async function* pullAll(link: Link, stream: string, consumer: string): AsyncGenerator<Pulled> {
  const { nc } = link;
  const inbox = link.newInbox();
  const subscription = nc.subscribe(inbox);
  const messages = subscription[Symbol.asyncIterator]();
  try {
    for (let more = true; more; ) {
      const body = { batch: READ_BATCH, no_wait: true };
      nc.publish(JETSTREAM.pull(stream, consumer), JSON.stringify(body), { reply: inbox });
      more = yield* oneBatch(link, messages, inbox);
    }
  } finally {
    if (!nc.isClosed()) subscription.unsubscribe();
  }
}

/** Yields one batch; true where more is to come. */
async function* oneBatch(
  link: Link,
  messages: AsyncIterator<Msg>,
  inbox: string,
): AsyncGenerator<Pulled, boolean> {
  for (let left = READ_BATCH; left > 0; left -= 1) {
    const { value: msg, done } = await link.untilLost('reading a stream', () => messages.next());
    if (done === true || msg.subject === inbox) return false;
    const pulled = toPulled(msg);
    yield pulled;
    if (pulled.pending === 0) return false;
  }
  return true;
}
