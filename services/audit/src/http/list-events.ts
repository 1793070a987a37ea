import { createHash } from 'node:crypto';
import { HoldfastError } from '@holdfast/contracts/errors';
import { AuditItem, ListEventsQuery } from '@holdfast/contracts/http/audit';
import { decodeCursor, encodeCursor, pageOf } from '@holdfast/http/cursor';
import type { HttpServer } from '@holdfast/http/server';
import { z } from 'zod';
import type { EventLog } from '../adapters/event-log.ts';
import { itemText } from '../domain/entry/item.ts';
import { auditQuery, fingerprint } from '../domain/query/query.ts';
import { sendJsonText } from './reply.ts';

/** `of` is the question that the cursor belongs to. */
const Place = z.object({ of: z.string(), after: z.number().int().nonnegative() });

/** `GET /api/audit/events`: a page of what fits. */
export function listEvents(app: HttpServer, { entries: log }: { entries: EventLog }): void {
  const schema = {
    tags: ['audit'],
    summary: 'Events of the log, in its order',
    querystring: ListEventsQuery,
    response: { 200: pageOf(AuditItem) },
  };
  app.get('/api/audit/events', { config: { role: 'viewer' }, schema }, async (request, reply) => {
    const { limit, order, cursor, ...filters } = request.query;
    const query = auditQuery(filters);
    const of = createHash('sha256').update(fingerprint(query, order)).digest('base64url').slice(0, 16);
    const after = cursor === undefined ? undefined : placeOf(cursor, of);
    const page = await log.page(query, { limit, order, after });
    const next = page.next_after === null ? null : encodeCursor({ of, after: page.next_after });
    const items = page.entries.map(itemText).join(',');
    return sendJsonText(reply, `{"items":[${items}],"next_cursor":${JSON.stringify(next)}}`);
  });
}

function placeOf(cursor: string, of: string): number {
  const place = decodeCursor(cursor, Place);
  if (place.of === of) return place.after;
  throw new HoldfastError('bad_request', 'querystring.cursor: belongs to a page of other filters');
}
