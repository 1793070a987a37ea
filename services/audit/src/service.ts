import { join } from 'node:path';
import { dataPaths } from '@holdfast/contracts/paths';
import { newEvent } from '@holdfast/event-store/new-event';
import type { ReadyCheck } from '@holdfast/http/health';
import { createHttpServer, listen } from '@holdfast/http/server';
import { connectService, type ServiceContext } from '@holdfast/runtime/connect-service';
import { createFailure } from '@holdfast/runtime/failure';
import type { RunningService, ServiceConfig } from '@holdfast/runtime/service';
import { ensureAdminToken } from './adapters/admin-token.ts';
import { openEventLog } from './adapters/event-log.ts';
import { onEvent, type Projection } from './consumers/on-event.ts';
import { serveRoutes } from './http/serve-routes.ts';
import { createMetrics } from './metrics.ts';

/**
 * Starts audit: the log, its reader of the stream, and the routes. When it resolves it serves, and somebody holds an
 * admin's token. Disposing ends the live streams, drains the requests, then the reader, then closes the log.
 */
export async function startAudit(
  service_config: ServiceConfig,
  overrides: Partial<ServiceContext> = {},
): Promise<RunningService> {
  await using opened = new AsyncDisposableStack();
  const context = opened.use(await connectService(service_config, 'audit', overrides));
  const entries = opened.use(openEventLog(join(dataPaths(context.data_dir).service('audit'), 'log.sqlite')));
  const watchers = { count: 0 };
  const metrics = createMetrics(context.registry, { size: entries.size, watchers: () => watchers.count });
  const { failed, fail } = createFailure();

  await letAdminIn(context);
  const projection = await onEvent({ ...context, entries, metrics, giveUp: fail });
  opened.use(projection.consumer);
  projection.consumer.done.catch(fail);

  const checks = () => [projectionCheck(projection, entries.size())];
  const app = await createHttpServer({ context, checks, title: 'Holdfast audit' });
  opened.defer(() => app.close());
  const stopping = new AbortController();
  opened.defer(() => stopping.abort());
  serveRoutes(app, context, { entries, clock: context.clock, stopping: stopping.signal, watchers });
  const url = await listen(app, service_config.http);
  context.log.info({ url, events: entries.size() }, 'audit serves');
  const held = opened.move();
  return { name: 'audit', url, failed, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

async function letAdminIn(context: ServiceContext): Promise<void> {
  const record = await ensureAdminToken(context);
  if (record === null) return;
  const { token_id, name, role } = record;
  const told = newEvent(context.origin, 'TokenCreated', {
    subject: token_id,
    data: { token_id, name, role },
  });
  await context.events.append([told]);
}

function projectionCheck(projection: Projection, events: number): ReadyCheck {
  const failure = projection.failure();
  return { name: 'projection', ok: failure === null, detail: failure ?? `${events} events in the log` };
}
