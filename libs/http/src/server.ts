import type { IncomingMessage, ServerResponse } from 'node:http';
import { HoldfastError, systemCode } from '@holdfast/contracts/errors';
import type { ServiceContext } from '@holdfast/runtime/connect-service';
import Fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  LogController,
  type RawServerDefault,
} from 'fastify';
import { serializerCompiler, validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod';
import { requireRoles } from './auth.ts';
import { replyNotFound, replyWithError } from './error-reply.ts';
import { type ReadyCheck, serveHealth } from './health.ts';
import { answerRepeats } from './idempotency.ts';
import { observeRequests } from './observe-requests.ts';
import { serveOpenApi } from './openapi.ts';
import { watchTokens } from './tokens.ts';

/** A Fastify instance whose routes are typed by their zod schemas. */
export type HttpServer = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  ZodTypeProvider
>;

export interface HttpServerOptions {
  context: ServiceContext;
  /** What `/readyz` asks beside NATS. */
  checks: () => ReadyCheck[];
  /** Title of the API's description. */
  title: string;
}

/** After this a connection that still runs (a stream, mostly) is cut, so that a stop always ends. */
const CLOSING_GRACE_MS = 2000;

/**
 * A server with all that services have in common: problem replies, roles (`config: { role }` on each route; without it
 * only admins), idempotent mutations, traces, metrics, health and OpenAPI. Add routes, then `listen`.
 */
export async function createHttpServer({ context, checks, title }: HttpServerOptions): Promise<HttpServer> {
  const app: HttpServer = Fastify({
    loggerInstance: context.log as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    forceCloseConnections: 'idle',
    // The front of the standalone app and reverse proxies on this machine say who really asks.
    trustProxy: 'loopback',
  }).withTypeProvider<ZodTypeProvider>();
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  app.setErrorHandler(replyWithError);
  app.setNotFoundHandler(replyNotFound);
  const plain = app as unknown as FastifyInstance;
  observeRequests(plain, context);
  const tokens = await watchTokens(context.tokens);
  app.addHook('onClose', () => tokens[Symbol.asyncDispose]());
  requireRoles(plain, context, tokens);
  answerRepeats(plain, context.clock);
  await serveOpenApi(plain, { title, version: context.service_config.version });
  serveHealth(plain, context, checks);
  app.addHook('preClose', (done) => {
    setTimeout(() => app.server.closeAllConnections(), CLOSING_GRACE_MS).unref();
    done();
  });
  return app;
}

/** Listens and resolves with the address, `http://host:port`. Port 0 takes a free one; `port_taken` names the port. */
export async function listen(app: HttpServer, at: { host: string; port: number }): Promise<string> {
  try {
    return await app.listen({ host: at.host, port: at.port });
  } catch (cause) {
    if (systemCode(cause) !== 'EADDRINUSE') throw cause;
    throw new HoldfastError('port_taken', `something listens on ${at.host}:${at.port} already`, { cause });
  }
}
