import type { ServiceContext } from '@holdfast/runtime/connect-service';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';

/** One thing that a service needs in order to do its work. */
export interface ReadyCheck {
  readonly name: string;
  readonly ok: boolean;
  /** Why not, or what is worth knowing: for people. */
  readonly detail?: string;
}

const Readiness = z.object({
  status: z.enum(['ready', 'not_ready']),
  checks: z.array(z.object({ name: z.string(), ok: z.boolean(), detail: z.string().optional() })),
});

/** `/livez` (the process answers), `/readyz` (every check is ok, NATS among them) and `/metrics`. */
export function serveHealth(app: FastifyInstance, context: ServiceContext, checks: () => ReadyCheck[]): void {
  const open = { config: { role: 'public' as const } };
  app.get(
    '/livez',
    { ...open, schema: { tags: ['health'], summary: 'Is the process alive?' } },
    async () => ({
      status: 'alive',
    }),
  );
  const schema = {
    tags: ['health'],
    summary: 'Does everything work that it needs?',
    response: { 200: Readiness, 503: Readiness },
  };
  app.get('/readyz', { ...open, schema }, async (_request, reply) => {
    const nats: ReadyCheck = { name: 'nats', ok: context.events.connected() };
    const all = [nats, ...checks()];
    const ready = all.every((check) => check.ok);
    return reply.code(ready ? 200 : 503).send({ status: ready ? 'ready' : 'not_ready', checks: all });
  });
  const metrics = {
    config: { role: 'viewer' as const },
    schema: { tags: ['health'], summary: 'Prometheus metrics' },
  };
  app.get('/metrics', metrics, async (_request, reply) =>
    reply.type(context.registry.contentType).send(await context.registry.metrics()),
  );
}
