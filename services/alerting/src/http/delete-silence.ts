import { actorOf } from '@holdfast/http/caller';
import type { HttpServer } from '@holdfast/http/server';
import { z } from 'zod';
import type { Silences } from '../silences.ts';

/** `DELETE /api/alerts/silences/:id`: what it held is told now. */
export function deleteSilence(app: HttpServer, { silences }: { silences: Silences }): void {
  const schema = {
    tags: ['alerts'],
    summary: 'End a silence',
    params: z.object({ id: z.string() }),
    response: { 204: z.null() },
  };
  const options = { config: { role: 'backup_operator' as const }, schema };
  app.delete('/api/alerts/silences/:id', options, async (request, reply) => {
    silences.remove(request.params.id, actorOf(request.caller));
    return reply.code(204).send(null);
  });
}
