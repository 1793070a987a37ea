import { HoldfastError } from '@holdfast/contracts/errors';
import { PROGRESS_TYPE, type ProgressMessage } from '@holdfast/contracts/http/progress';
import { EventSourceParserStream } from 'eventsource-parser/stream';
import { abortOnInterrupt } from './abort-on-interrupt.ts';
import { type ConnectionOptions, connect, problemOf } from './client.ts';
import { startWorkBar, type WorkBar } from './output/work-bar.ts';

/**
 * POSTs what may take long. How far it is is shown on a terminal, unless `--json` is given. Ctrl-C ends the request, and
 * with it the work: rejects with `interrupted`.
 */
export async function sendLong<Answer>(
  options: ConnectionOptions,
  path: string,
  body: unknown,
): Promise<Answer> {
  using signal = abortOnInterrupt();
  using bar = startWorkBar({ quiet: options.json === true });
  const headers = { accept: `${PROGRESS_TYPE}, application/json`, 'content-type': 'application/json' };
  try {
    const reply = await connect(options).open(path, {
      method: 'POST',
      headers,
      body: JSON.stringify(body),
      signal,
    });
    const is_stream = reply.headers.get('content-type')?.startsWith(PROGRESS_TYPE) ?? false;
    return is_stream ? await outcomeOf(reply, bar) : ((await reply.json()) as Answer);
  } catch (error) {
    if (signal.aborted) throw new HoldfastError('interrupted', 'it was stopped', { cause: error });
    throw error;
  }
}

async function outcomeOf<Answer>(reply: Response, bar: WorkBar): Promise<Answer> {
  for await (const { event, data } of messagesOf(reply)) {
    const kind = event as ProgressMessage;
    if (kind === 'progress') bar.update(JSON.parse(data));
    if (kind === 'result') return JSON.parse(data);
    if (kind === 'problem') throw problemOf(data);
  }
  throw new HoldfastError('unreachable', 'the system went away before it was done');
}

async function* messagesOf({ body }: Response) {
  if (body === null) return;
  try {
    yield* body.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream());
  } catch (cause) {
    throw new HoldfastError('unreachable', 'the system went away before it was done', { cause });
  }
}
