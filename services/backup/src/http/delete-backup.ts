import { actorOf } from '@holdfast/http/caller';
import type { HttpServer } from '@holdfast/http/server';
import { z } from 'zod';
import { answered, type RouteDeps } from './deps.ts';

/** `DELETE /api/backup/:id`: 409 where it is held, wanted by an open loss, or the newest good one of its source. */
export function deleteBackup(app: HttpServer, { cleaner }: RouteDeps): void {
  const schema = {
    tags: ['backup'],
    summary: 'Remove one backup',
    params: z.object({ id: z.string() }),
    response: { 204: z.null() },
  };
  app.delete('/api/backup/:id', { config: { role: 'admin' }, schema }, async ({ params, caller }, reply) => {
    await answered(cleaner.remove(params.id, actorOf(caller)));
    return reply.code(204).send(null);
  });
}
