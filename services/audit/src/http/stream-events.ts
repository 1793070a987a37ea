import { Readable } from 'node:stream';
import { HoldfastError } from '@holdfast/contracts/errors';
import { StreamEventsQuery } from '@holdfast/contracts/http/audit';
import type { HttpServer } from '@holdfast/http/server';
import type { Clock } from '@holdfast/runtime/clock';
import type { EventLog } from '../adapters/event-log.ts';
import { type Followed, followLog } from '../adapters/follow-log.ts';
import { itemText } from '../domain/entry/item.ts';
import { auditQuery } from '../domain/query/query.ts';

export interface StreamDeps {
  readonly entries: EventLog;
  readonly clock: Clock;
  /** Aborted when the service stops: every stream ends. */
  readonly stopping: AbortSignal;
  /** Counts the clients, for the metrics. */
  readonly watchers: { count: number };
}

const HEARTBEAT_MS = 10_000;
const RETRY_MS = 1_000;
const CLIENTS_MAX = 256;

const HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no',
};

/**
 * `GET /api/audit/stream`: Server-Sent Events. Each has its auditindex as id, so that a client that comes back with
 * `Last-Event-ID` misses nothing and sees nothing twice. Without one it begins with what comes next.
 */
export function streamEvents(app: HttpServer, deps: StreamDeps): void {
  const schema = {
    tags: ['audit'],
    summary: 'Events live, as Server-Sent Events; Last-Event-ID catches up first',
    querystring: StreamEventsQuery,
  };
  app.get('/api/audit/stream', { config: { role: 'viewer' }, schema }, async (request, reply) => {
    const { last_event_id, ...filters } = request.query;
    const query = auditQuery(filters);
    const newest = deps.entries.size() - 1;
    const after = Math.min(newest, lastEventId(request.headers['last-event-id']) ?? last_event_id ?? newest);
    if (deps.watchers.count >= CLIENTS_MAX)
      throw new HoldfastError('unavailable', `${CLIENTS_MAX} clients follow the events already`);
    deps.watchers.count += 1;
    const gone = new AbortController();
    reply.raw.once('close', () => {
      deps.watchers.count -= 1;
      gone.abort();
    });
    const signal = AbortSignal.any([gone.signal, deps.stopping]);
    const { clock, entries } = deps;
    const followed = followLog(entries, query, { after, signal, clock, heartbeat_ms: HEARTBEAT_MS });
    return reply.headers(HEADERS).send(Readable.from(messages(after, followed), { objectMode: false }));
  });
}

function lastEventId(header: string | string[] | undefined): number | undefined {
  if (header === undefined || header === '') return undefined;
  const index = Number(header);
  if (Number.isSafeInteger(index) && index >= -1) return index;
  throw new HoldfastError('bad_request', `headers.last-event-id: ${header} is no auditindex`);
}

/** A message without data sets the client's last id: also who has seen nothing yet comes back to the right place. */
const idOnly = (position: number) => `id: ${position}\n\n`;

async function* messages(after: number, followed: AsyncIterable<Followed>): AsyncGenerator<string> {
  yield `retry: ${RETRY_MS}\n${idOnly(after)}`;
  for await (const { entries, position } of followed) {
    if (entries.length === 0) yield `: still here\n${idOnly(position)}`;
    else yield entries.map((entry) => `id: ${entry.index}\ndata: ${dataOf(itemText(entry))}\n\n`).join('');
  }
}

// JSON as we write it has no line ends; what somebody else has written may.
function dataOf(text: string): string {
  return /[\r\n]/.test(text) ? JSON.stringify(JSON.parse(text)) : text;
}
