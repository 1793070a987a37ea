import { HoldfastError } from '@holdfast/contracts/errors';
import { CreatedToken, CreateTokenBody } from '@holdfast/contracts/http/audit';
import { newEvent } from '@holdfast/event-store/new-event';
import { actorOf } from '@holdfast/http/caller';
import type { HttpServer } from '@holdfast/http/server';
import { keepToken, newToken, recordOf } from '@holdfast/http/tokens';
import type { ServiceContext } from '@holdfast/runtime/connect-service';
import { viewOf } from './list-tokens.ts';

type Deps = Pick<ServiceContext, 'tokens' | 'events' | 'origin' | 'clock'>;

/** `POST /api/tokens`: a new token. It is in this answer and nowhere else. */
export function createToken(app: HttpServer, deps: Deps): void {
  const schema = {
    tags: ['access'],
    summary: 'Make a token; it is shown this once',
    body: CreateTokenBody,
    response: { 201: CreatedToken },
  };
  app.post('/api/tokens', { config: { role: 'admin' }, schema }, async (request, reply) => {
    const { name, role, expires_at } = request.body;
    const now_ms = deps.clock.now_ms();
    const expires_at_ms = expires_at === null ? null : Date.parse(expires_at);
    if (expires_at_ms !== null && expires_at_ms <= now_ms)
      throw new HoldfastError('bad_request', `body.expires_at: ${expires_at} is over`);
    const token = newToken();
    const record = recordOf(token, { name, role, now_ms, expires_at_ms });
    if (record === null) throw new HoldfastError('internal', 'a new token has not the form of a token');
    const { token_id } = record;
    const actor = actorOf(request.caller);
    const told = newEvent(deps.origin, 'TokenCreated', {
      subject: token_id,
      actor,
      data: { token_id, name, role },
    });
    // The event first: no token is ever valid that the history does not know of.
    await deps.events.append([told]);
    await keepToken(deps.tokens, record);
    return reply
      .code(201)
      .header('location', `/api/tokens/${token_id}`)
      .send({ ...viewOf(record), token });
  });
}
