import type { ServiceContext } from '@holdfast/runtime/connect-service';
import { type Span, startSpan, withinSpan } from '@holdfast/runtime/telemetry';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Histogram } from 'prom-client';

const BUCKETS_SECONDS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 30];
const spans = new WeakMap<FastifyRequest, Span>();

/** A span for every request (it joins the caller's `traceparent`) and its time in a histogram. */
export function observeRequests(app: FastifyInstance, context: ServiceContext): void {
  const seconds = new Histogram({
    name: 'holdfast_http_request_duration_seconds',
    help: 'From the first byte of a request to the last of its answer',
    labelNames: ['method', 'route', 'status'],
    buckets: BUCKETS_SECONDS,
    registers: [context.registry],
  });
  app.addHook('onRequest', (request, _reply, done) => {
    const { traceparent } = request.headers;
    const route = request.routeOptions.url ?? 'none';
    const span = startSpan(`${request.method} ${route}`, {
      parent: typeof traceparent === 'string' ? traceparent : undefined,
      attributes: { 'http.request.method': request.method, 'http.route': route },
    });
    spans.set(request, span);
    withinSpan(span, done);
  });
  app.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? 'none';
    seconds.observe({ method: request.method, route, status: reply.statusCode }, reply.elapsedTime / 1000);
    const span = spans.get(request);
    span?.setAttribute('http.response.status_code', reply.statusCode);
    span?.end();
    request.log.debug(
      { method: request.method, route, status: reply.statusCode, duration_ms: reply.elapsedTime },
      'answered',
    );
  });
}
