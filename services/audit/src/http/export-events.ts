import { Readable } from 'node:stream';
import { ExportEventsQuery } from '@holdfast/contracts/http/audit';
import type { HttpServer } from '@holdfast/http/server';
import type { EventLog, LogEntry } from '../adapters/event-log.ts';
import { CSV_HEADER, csvLine } from '../domain/entry/csv.ts';
import { itemText } from '../domain/entry/item.ts';
import { type AuditQuery, auditQuery } from '../domain/query/query.ts';

const PAGE = 500;

/** How a format begins and how it writes an entry. */
interface Format {
  readonly type: string;
  readonly header: string;
  readonly line: (entry: LogEntry) => string;
}

const decoder = new TextDecoder();

const FORMATS: Record<'ndjson' | 'csv', Format> = {
  ndjson: {
    type: 'application/x-ndjson',
    header: '',
    line: (entry) => `${itemText(entry).replaceAll(/[\r\n]/g, ' ')}\n`,
  },
  csv: {
    type: 'text/csv; charset=utf-8; header=present',
    header: CSV_HEADER,
    line: ({ index, bytes }) => csvLine(index, JSON.parse(decoder.decode(bytes))),
  },
};

/** `GET /api/audit/export`: everything that fits and was there when it was asked for, streamed. */
export function exportEvents(app: HttpServer, { entries: log }: { entries: EventLog }): void {
  const schema = {
    tags: ['audit'],
    summary: 'All events that fit, as NDJSON or CSV',
    querystring: ExportEventsQuery,
  };
  app.get('/api/audit/export', { config: { role: 'viewer' }, schema }, async (request, reply) => {
    const { format, ...filters } = request.query;
    const { type, header, line } = FORMATS[format];
    const pages = pagesOf(log, auditQuery(filters));
    return reply
      .type(type)
      .header('content-disposition', `attachment; filename="holdfast-audit.${format}"`)
      .send(Readable.from(textOf(pages, header, line), { objectMode: false }));
  });
}

async function* pagesOf(log: EventLog, query: AuditQuery): AsyncGenerator<readonly LogEntry[]> {
  const size = log.size();
  for (let after: number | null = -1; after !== null; ) {
    const page = await log.page(query, { limit: PAGE, order: 'asc', after, size });
    yield page.entries;
    after = page.next_after;
  }
}

async function* textOf(
  pages: AsyncIterable<readonly LogEntry[]>,
  header: string,
  line: (entry: LogEntry) => string,
): AsyncGenerator<string> {
  // Also an empty answer is an answer: without a first piece the reply would have no head.
  yield header;
  for await (const entries of pages) yield entries.map(line).join('');
}
