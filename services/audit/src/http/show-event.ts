import { HoldfastError } from '@holdfast/contracts/errors';
import { AuditItem } from '@holdfast/contracts/http/audit';
import type { HttpServer } from '@holdfast/http/server';
import { z } from 'zod';
import type { EventLog } from '../adapters/event-log.ts';
import { itemText } from '../domain/entry/item.ts';
import { sendJsonText } from './reply.ts';

const Params = z.object({ id: z.string().describe('id of the event, or its auditindex') });

/** `GET /api/audit/events/:id` and `/leaf`: one event, and the exact bytes that its leaf hash is over. */
export function showEvent(app: HttpServer, { entries: log }: { entries: EventLog }): void {
  const entryOf = (id: string) => {
    const entry = log.entry(id);
    if (entry === null) throw new HoldfastError('not_found', `there is no event ${id} in the log`);
    return entry;
  };
  const options = { config: { role: 'viewer' as const } };
  const schema = { tags: ['audit'], params: Params };
  app.get(
    '/api/audit/events/:id',
    { ...options, schema: { ...schema, summary: 'One event', response: { 200: AuditItem } } },
    async (request, reply) => sendJsonText(reply, itemText(entryOf(request.params.id))),
  );
  app.get(
    '/api/audit/events/:id/leaf',
    { ...options, schema: { ...schema, summary: 'The exact bytes of one event, as they were on the wire' } },
    async (request, reply) => {
      const { index, bytes, leaf } = entryOf(request.params.id);
      return reply
        .type('application/octet-stream')
        .header('holdfast-audit-index', index)
        .header('holdfast-leaf-hash', Buffer.from(leaf).toString('base64'))
        .send(Buffer.from(bytes));
    },
  );
}
