import { dataPaths } from '@holdfast/contracts/paths';
import { createOutbox } from '@holdfast/event-store/outbox';
import type { ReadyCheck } from '@holdfast/http/health';
import { createHttpServer, listen } from '@holdfast/http/server';
import { connectService, type ServiceContext } from '@holdfast/runtime/connect-service';
import { createFailure } from '@holdfast/runtime/failure';
import type { RunningService, ServiceConfig } from '@holdfast/runtime/service';
import { createAlertStore } from './adapters/alert-store.ts';
import { openChannels } from './adapters/channels/open-channels.ts';
import { openAlertingDatabase } from './adapters/database.ts';
import { createNotificationStore } from './adapters/notification-store.ts';
import { createAlertKeeper } from './alert-keeper.ts';
import { baseUrl, missingChannels, pacePolicy, ruleContext, waitsOf } from './config.ts';
import { consumeEvents } from './consumers/on-event.ts';
import { createDispatcher } from './dispatcher.ts';
import { DEFAULT_RETRY, type RetryPolicy } from './domain/delivery/schedule.ts';
import { serveRoutes } from './http/serve-routes.ts';
import { createMetrics } from './metrics.ts';
import { createTestSender } from './send-test.ts';
import { createSilences } from './silences.ts';

/** What tests turn: the parts of the context, and how patient the dispatcher is. */
export interface AlertingOverrides extends Partial<ServiceContext> {
  retry?: RetryPolicy;
  channel_timeout_ms?: number;
}

const CHANNEL_TIMEOUT_MS = 10_000;

/** Worth knowing, and no reason not to serve. */
function readyChecks(waiting: number, missing: readonly string[]): ReadyCheck[] {
  const routes = missing.length === 0 ? {} : { detail: `not configured: ${missing.join(', ')}` };
  return [
    { name: 'notifications', ok: true, detail: `${waiting} waiting` },
    { name: 'routes', ok: true, ...routes },
  ];
}

/** Starts alerting: events in, alerts kept, notifications out, HTTP. Rejects as `connectService` and `listen` do. */
export async function startAlerting(
  service_config: ServiceConfig,
  overrides: AlertingOverrides = {},
): Promise<RunningService> {
  await using opened = new AsyncDisposableStack();
  const context = opened.use(await connectService(service_config, 'alerting', overrides));
  const { config, clock, log, origin, events, registry } = context;
  const { failed, fail: onFailure } = createFailure();

  const db = opened.adopt(openAlertingDatabase(dataPaths(context.data_dir).service('alerting')), (open) =>
    open.close(),
  );
  const alerts = createAlertStore(db);
  const notifications = createNotificationStore(db);
  const metrics = createMetrics(registry, { waiting: notifications.waiting, firing: alerts.firing });
  const outbox = opened.use(createOutbox({ db, store: events, log }));
  const timeout_ms = overrides.channel_timeout_ms ?? CHANNEL_TIMEOUT_MS;
  const channels = openChannels(config.alerts.channels, { log, timeout_ms });
  const base = {
    db,
    alerts,
    notifications,
    outbox,
    clock,
    origin,
    config: config.alerts,
    metrics,
    onFailure,
  };

  const retry = overrides.retry ?? DEFAULT_RETRY;
  const dispatcher = opened.use(
    createDispatcher({ ...base, channels, retry, pace: pacePolicy(config.alerts), random: Math.random, log }),
  );
  const keeper = opened.use(
    createAlertKeeper({
      ...base,
      rules: ruleContext(config),
      waits: waitsOf(config.alerts),
      base_url: baseUrl(config),
      onQueued: dispatcher.wake,
    }),
  );
  const silences = createSilences({ ...base, onRemoved: keeper.wake });
  const consumer = opened.use(await consumeEvents(events, context.host, keeper));
  consumer.done.catch(onFailure);
  keeper.wake();

  const missing = missingChannels(config.alerts);
  if (missing.length > 0) log.warn({ missing }, 'routes name channels that are not configured');
  const checks = () => readyChecks(notifications.waiting(), missing);
  const app = await createHttpServer({ context, checks, title: 'Holdfast alerting' });
  opened.defer(() => app.close());
  serveRoutes(app, { ...base, keeper, silences, channels, sendTest: createTestSender(base) });
  const url = await listen(app, service_config.http);
  log.info({ url, channels: [...channels.keys()] }, 'alerting serves');

  const held = opened.move();
  return { name: 'alerting', url, failed, [Symbol.asyncDispose]: () => held.disposeAsync() };
}
