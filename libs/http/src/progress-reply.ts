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

/**
 * Replies with the result. Who accepts `text/event-stream` gets the status at once and then messages: `progress`, and in
 * the end `result` or `problem`. With an `Idempotency-Key` the reply is the result alone, as that is what is kept.
 */
export async function replyWithProgress<Result>(
  { request, reply, clock }: Exchange,
  work: (report: ReportProgress) => Promise<Result>,
): Promise<Result> {
  const { accept = '', 'idempotency-key': key } = request.headers;
  if (!accept.includes(PROGRESS_TYPE) || key !== undefined) return work(() => undefined);
  let latest: WorkProgress | null = null;
  const outcome = work((progress) => {
    latest = progress;
  }).then(
    (result) => message('result', result),
    (error) => message('problem', problemReply(error, request)),
  );
  const stream = messages(outcome, { clock, latest: () => latest });
  return reply.headers(HEADERS).send(Readable.from(stream, { objectMode: false })) as never;
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
