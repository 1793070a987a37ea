import { HoldfastError } from '@holdfast/contracts/errors';
import { newEvent } from '@holdfast/event-store/new-event';
import { actorOf } from '@holdfast/http/caller';
import type { HttpServer } from '@holdfast/http/server';
import { listTokens } from '@holdfast/http/tokens';
import type { ServiceContext } from '@holdfast/runtime/connect-service';
import { z } from 'zod';
import { isAdmin } from '../adapters/admin-token.ts';

type Deps = Pick<ServiceContext, 'tokens' | 'events' | 'origin' | 'clock'>;

/** `DELETE /api/tokens/:id`: from now on it opens nothing. The last admin's cannot be revoked: nobody could get in. */
export function revokeToken(app: HttpServer, deps: Deps): void {
  const schema = {
    tags: ['access'],
    summary: 'Revoke a token at once',
    params: z.object({ id: z.string() }),
    response: { 204: z.null() },
  };
  app.delete('/api/tokens/:id', { config: { role: 'admin' }, schema }, async (request, reply) => {
    const records = await listTokens(deps.tokens);
    const found = records.find(({ token_id }) => token_id === request.params.id);
    if (found === undefined) throw new HoldfastError('not_found', `there is no token ${request.params.id}`);
    const admins = records.filter((record) => isAdmin(record, deps.clock.now_ms()));
    if (admins.length === 1 && admins[0] === found)
      throw new HoldfastError('conflict', 'this is the last token of an admin: make another one first');
    const { token_id, name, role } = found;
    const actor = actorOf(request.caller);
    const told = newEvent(deps.origin, 'TokenRevoked', {
      subject: token_id,
      actor,
      data: { token_id, name, role },
    });
    await deps.events.append([told]);
    await deps.tokens.delete(token_id);
    return reply.code(204).send(null);
  });
}
