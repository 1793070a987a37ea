import type { EventData } from '@holdfast/contracts/catalog';
import { HoldfastError } from '@holdfast/contracts/errors';
import { allows, type Role, type TokenRecord } from '@holdfast/contracts/tokens';
import { newEvent } from '@holdfast/event-store/new-event';
import type { ServiceContext } from '@holdfast/runtime/connect-service';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Counter } from 'prom-client';
import type { TokenRegistry } from './tokens.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Who may call the route; a route that says nothing is for admins. */
    role?: Role | 'public';
  }
  interface FastifyRequest {
    /** Who calls; null on public routes. */
    caller: TokenRecord | null;
  }
}

type Refusal = Pick<EventData<'AccessDenied'>, 'reason' | 'token_id'>;

/** So many refusals a second are told as events; more are only counted, so that nobody can flood the history. */
const EVENTS_PER_SECOND = 20;

/** Lets in who has the role of the route; tells AccessDenied of everybody else. */
export function requireRoles(app: FastifyInstance, context: ServiceContext, tokens: TokenRegistry): void {
  const tell = teller(context);
  const admit = (request: FastifyRequest, needed: Role): TokenRecord => {
    const token = bearer(request);
    if (token === null) {
      tell(request, needed, { reason: 'no_token', token_id: null });
      throw new HoldfastError('unauthenticated', 'no token was sent');
    }
    const caller = tokens.verify(token, context.clock.now_ms());
    if (caller === null) {
      tell(request, needed, { reason: 'unknown_token', token_id: tokens.idOf(token) });
      throw new HoldfastError('unauthenticated', 'the token is not known');
    }
    if (allows(caller.role, needed)) return caller;
    tell(request, needed, { reason: 'role', token_id: caller.token_id });
    throw new HoldfastError('forbidden', `this needs the role ${needed}; the token has ${caller.role}`);
  };
  app.decorateRequest('caller', null);
  app.addHook('onRequest', async (request) => {
    const needed = roleOf(request);
    if (request.is404 || needed === 'public') return;
    request.caller = admit(request, needed);
  });
}

/** The role that a route needs. */
function roleOf(request: FastifyRequest): Role | 'public' {
  return routeRole(request.routeOptions);
}

/** The same for a route that is being added. The files of the API browser say nothing and are for everybody. */
export function routeRole(route: {
  url?: string | undefined;
  config?: { role?: Role | 'public' };
}): Role | 'public' {
  return route.config?.role ?? (route.url?.startsWith('/api/docs') ? 'public' : 'admin');
}

function bearer(request: FastifyRequest): string | null {
  return /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? null;
}

function teller(context: ServiceContext) {
  const refusals = new Counter({
    name: 'holdfast_access_denied_total',
    help: 'Requests refused for want of a token or a role',
    labelNames: ['reason'],
    registers: [context.registry],
  });
  let window = { second: 0, told: 0 };
  return (request: FastifyRequest, role_needed: Role, refusal: Refusal) => {
    refusals.inc({ reason: refusal.reason });
    const second = Math.floor(context.clock.now_ms() / 1000);
    window = second === window.second ? { second, told: window.told + 1 } : { second, told: 1 };
    if (window.told > EVENTS_PER_SECOND) return;
    const event = newEvent(context.origin, 'AccessDenied', {
      subject: refusal.token_id ?? 'anonymous',
      actor: refusal.token_id ?? 'unknown',
      data: {
        host: context.host,
        service: context.name,
        method: request.method,
        route: request.routeOptions.url ?? request.url,
        role_needed,
        remote_address: request.ip,
        ...refusal,
      },
    });
    // The refusal stands whether it can be told or not.
    context.events
      .append([event])
      .catch((error) => context.log.error({ err: error }, 'AccessDenied not published'));
  };
}
