import { Readable } from 'node:stream';
import {
  PROGRESS_TYPE,
  type ProgressMessage,
  type ReportProgress,
  type WorkProgress,
} from '@holdfast/contracts/http/progress';
import type { Clock } from '@holdfast/runtime/clock';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { problemReply } from './error-reply.ts';

/** Says that there is nothing to say. */
const SILENCE = ': it is being worked on\n\n';
/** Often enough for people, and for whatever ends connections that are silent. */
const LOOK_MS = 500;

const HEADERS = {
  'content-type': `${PROGRESS_TYPE}; charset=utf-8`,
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no',
};

/** For the description of a route that replies so. */
export const PROGRESS_NOTE =
  'Accept: text/event-stream is answered at once, with messages `progress` (WorkProgress) and in the end `result` ' +
  '(what is described here) or `problem`. The work ends when the connection does.';

/** Where the reply goes. */
export interface Exchange {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly clock: Clock;
}

/** What the work gets of whoever asked. */
export interface Asked {
  readonly report: ReportProgress;
  /** Aborted when nobody waits for the reply any more. */
  readonly signal: AbortSignal;
}

/**
 * Replies with the result. Who accepts `text/event-stream` gets the status at once and then messages: `progress`, and in
 * the end `result` or `problem`. With an `Idempotency-Key` the reply is the result alone, as that is what is kept.
 */
export async function replyWithProgress<Result>(
  { request, reply, clock }: Exchange,
  work: (asked: Asked) => Promise<Result>,
): Promise<Result> {
  const { accept = '', 'idempotency-key': key } = request.headers;
  const signal = signalOf(reply);
  if (!accept.includes(PROGRESS_TYPE) || key !== undefined) return work({ report: () => undefined, signal });
  let latest: WorkProgress | null = null;
  const report = (progress: WorkProgress) => {
    latest = progress;
  };
  const outcome = work({ report, signal }).then(
    (result) => message('result', result),
    (error) => message('problem', problemReply(error, request)),
  );
  const stream = messages(outcome, { clock, latest: () => latest });
  return reply.headers(HEADERS).send(Readable.from(stream, { objectMode: false })) as never;
}

// Not `request.signal`: a request with a body closes when the body has been read, before anybody listens.
function signalOf({ raw }: FastifyReply): AbortSignal {
  const gone = new AbortController();
  raw.once('close', () => gone.abort());
  return gone.signal;
}

async function* messages(
  outcome: Promise<string>,
  { clock, latest }: { clock: Clock; latest: () => WorkProgress | null },
): AsyncGenerator<string> {
  yield SILENCE;
  for (let told: WorkProgress | null = null; ; ) {
    const over = await orLater(outcome, clock);
    if (over !== undefined) return yield over;
    const progress = latest();
    yield progress === null || progress === told ? SILENCE : message('progress', progress);
    told = progress;
  }
}

/** Undefined where it takes longer. */
async function orLater(outcome: Promise<string>, clock: Clock): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const cancel = clock.after(LOOK_MS, () => resolve(undefined));
  const over = await Promise.race([outcome, promise]);
  cancel();
  return over;
}

function message(event: ProgressMessage, data: unknown): string {
  return `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}
