import { HoldfastError } from '@holdfast/contracts/errors';
import { actorOf } from '@holdfast/http/caller';
import type { HttpServer } from '@holdfast/http/server';
import { z } from 'zod';
import { type RouteDeps, requireManifest } from './deps.ts';

/** `DELETE /api/backup/:id/hold`: rotation decides about it again; 404 where it is not held. */
export function releaseBackup(app: HttpServer, deps: RouteDeps): void {
  const { state } = deps;
  const schema = {
    tags: ['backup'],
    summary: 'End the hold on a backup',
    params: z.object({ id: z.string() }),
    response: { 204: z.null() },
  };
  app.delete('/api/backup/:id/hold', { config: { role: 'admin' }, schema }, async (request, reply) => {
    const { backup_id } = requireManifest(deps, request.params.id);
    if (state.catalog.hold(backup_id) === null) {
      throw new HoldfastError('not_found', `${backup_id} is not held`);
    }
    const actor = actorOf(request.caller);
    state.write(() => state.tell('BackupHoldReleased', { subject: backup_id, data: { backup_id }, actor }));
    return reply.code(204).send(null);
  });
}
