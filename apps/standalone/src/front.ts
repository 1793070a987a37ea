import proxy from '@fastify/http-proxy';
import type { ServiceName } from '@holdfast/contracts/catalog';
import { ERRORS, HoldfastError, systemCode } from '@holdfast/contracts/errors';
import Fastify, { type FastifyInstance } from 'fastify';
import { mergeMetrics } from './merge-metrics.ts';
import { mergeOpenApi, type OpenApiDocument } from './merge-openapi.ts';

/** Which service answers for which prefix (INTERFACES 4). What is not named goes to audit, with the page at `/`. */
const PREFIXES: Record<string, ServiceName> = {
  '/api/backup': 'backup',
  '/api/recovery': 'recovery',
  '/api/monitor': 'monitor',
  '/api/alerts': 'alerting',
  '/api/audit': 'audit',
  '/api/tokens': 'audit',
  '/api/config': 'audit',
  '/api/kpi': 'audit',
  '/api/docs': 'audit',
  '/': 'audit',
};

const PROBE_TIMEOUT_MS = 2_000;

/** Where each service listens now. */
export type Upstreams = (name: ServiceName) => string | undefined;

type Ask = (name: ServiceName, path: string, headers?: Record<string, string>) => Promise<Response>;

export interface FrontOptions {
  services: readonly ServiceName[];
  upstream: Upstreams;
  version: string;
}

/** The one address of the standalone app: passes each prefix on to its service and joins what they say of themselves. */
export async function createFront({ services, upstream, version }: FrontOptions): Promise<FastifyInstance> {
  const app = Fastify({ logger: false, forceCloseConnections: true });
  app.setErrorHandler((error, _request, reply) => {
    void reply
      .code(ERRORS.unavailable.status)
      .type('application/problem+json')
      .send({
        type: 'about:blank',
        title: ERRORS.unavailable.title,
        status: 503,
        code: 'unavailable',
        detail: messageOf(error),
      });
  });

  const ask: Ask = async (name, path, headers = {}) => {
    const url = upstream(name);
    if (url === undefined) throw new HoldfastError('unavailable', `${name} is not running`);
    return fetch(url + path, { headers, signal: AbortSignal.timeout(PROBE_TIMEOUT_MS) });
  };

  app.get('/livez', () => ({ status: 'ok' }));
  app.get('/readyz', async (_request, reply) => {
    const checks = await Promise.all(services.map((name) => readiness(name, ask)));
    const ready = checks.every((check) => check.ready);
    return reply.code(ready ? 200 : 503).send({ status: ready ? 'ok' : 'unavailable', services: checks });
  });
  app.get('/metrics', async (request, reply) => {
    const { authorization } = request.headers;
    const headers = authorization === undefined ? {} : { authorization };
    // The token is judged once, by audit, so that a refusal is refused (and told) once and not by each service.
    const judged = await ask('audit', '/metrics', headers);
    if (!judged.ok)
      return reply
        .code(judged.status)
        .type('application/problem+json')
        .send({ ...((await judged.json()) as object), instance: '/metrics' });
    const others = services.filter((service) => service !== 'audit');
    const parts = await Promise.all(others.map((name) => metricsOf(name, ask, headers)));
    const own = { service: 'audit', text: await judged.text() };
    return reply.type('text/plain; version=0.0.4').send(mergeMetrics([...parts, own]));
  });
  app.get('/api/openapi.json', async () => {
    const answers = await Promise.all(services.map((name) => ask(name, '/api/openapi.json')));
    const documents = (await Promise.all(answers.map((answer) => answer.json()))) as OpenApiDocument[];
    return mergeOpenApi(documents, version);
  });
  for (const [prefix, name] of Object.entries(PREFIXES))
    await app.register(proxy, proxyTo(prefix, name, upstream));
  return app;
}

function proxyTo(prefix: string, name: ServiceName, upstream: Upstreams) {
  return {
    prefix,
    rewritePrefix: prefix,
    upstream: '',
    undici: { headersTimeout: 0, bodyTimeout: 0 },
    replyOptions: {
      getUpstream: () => {
        const url = upstream(name);
        if (url === undefined) throw new HoldfastError('unavailable', `${name} is starting`);
        return url;
      },
    },
  };
}

/** A service that is down has no numbers; `/readyz` tells of it. */
async function metricsOf(service: ServiceName, ask: Ask, headers: Record<string, string>) {
  const text = await ask(service, '/metrics', headers).then(
    (answer) => (answer.ok ? answer.text() : ''),
    () => '',
  );
  return { service, text };
}

async function readiness(name: ServiceName, ask: Ask) {
  try {
    const answer = await ask(name, '/readyz');
    return { service: name, ready: answer.ok, detail: await answer.json() };
  } catch (error) {
    return { service: name, ready: false, detail: messageOf(error) };
  }
}

/** Listens, or rejects with `port_taken`. */
export async function listenFront(app: FastifyInstance, at: { host: string; port: number }): Promise<string> {
  try {
    // A copy: listen() writes into what it is given.
    return await app.listen({ host: at.host, port: at.port });
  } catch (cause) {
    if (systemCode(cause) !== 'EADDRINUSE') throw cause;
    throw new HoldfastError('port_taken', `port ${at.port} on ${at.host} is taken`, { cause });
  }
}

function messageOf(error: unknown): string {
  return Error.isError(error) ? error.message : String(error);
}
