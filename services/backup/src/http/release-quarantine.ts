import { HoldfastError } from '@holdfast/contracts/errors';
import { actorOf } from '@holdfast/http/caller';
import type { HttpServer } from '@holdfast/http/server';
import { z } from 'zod';
import type { RouteDeps } from './deps.ts';

/** `DELETE /api/backup/quarantine/:source`: rotation decides about its backups again; 404 where it is in none. */
export function releaseQuarantine(app: HttpServer, deps: RouteDeps): void {
  const { state, context } = deps;
  const schema = {
    tags: ['backup'],
    summary: 'Say that a source is well: its backups are cleaned up again',
    params: z.object({ source: z.string() }),
    response: { 204: z.null() },
  };
  app.delete(
    '/api/backup/quarantine/:source',
    { config: { role: 'admin' }, schema },
    async (request, reply) => {
      const { source } = request.params;
      if (!state.quarantines.has(source))
        throw new HoldfastError('not_found', `${source} is in no quarantine`);
      const about = { subject: source, data: { host: context.host, source }, actor: actorOf(request.caller) };
      state.write(() => state.tell('MassChangeReleased', about));
      return reply.code(204).send(null);
    },
  );
}
