import { createHttpServer, listen } from '@holdfast/http/server';
import { openOrCreate } from '@holdfast/repository/repository-key';
import { connectService, type ServiceContext } from '@holdfast/runtime/connect-service';
import { createFailure } from '@holdfast/runtime/failure';
import type { RunningService, ServiceConfig } from '@holdfast/runtime/service';
import { createCleaner } from './adapters/cleaner.ts';
import { openDatabases } from './adapters/databases.ts';
import type { Engine } from './adapters/engine.ts';
import type { SnapshotDeps } from './adapters/make-snapshot.ts';
import { takeInConfigured } from './adapters/modify-schedules.ts';
import { createMoments } from './adapters/moments.ts';
import { isScheduled } from './adapters/obligations.ts';
import { reconcile } from './adapters/reconcile.ts';
import { keepPins } from './adapters/resolve-pins.ts';
import { createRunner } from './adapters/runner.ts';
import { createScheduler } from './adapters/scheduler.ts';
import { openState } from './adapters/state.ts';
import { openVolumeSnapshots } from './adapters/volume-snapshots.ts';
import { backupSettings } from './config.ts';
import { onCommand } from './consumers/on-command.ts';
import { replayHistory, subscribe } from './consumers/subscribe.ts';
import { serveRoutes } from './http/serve-routes.ts';
import { type BackupMetrics, createMetrics } from './metrics.ts';

/** What tests may give instead of the real thing. */
export type BackupOverrides = Partial<ServiceContext> & { repository?: Engine };

/** After a start the monitor finds losses first: a walk that is overdue waits so long. */
const CATCH_UP_MS = 10_000;

/** Starts the backup service: it serves, follows the files of its host and keeps the repository current. */
export async function startBackup(
  service_config: ServiceConfig,
  overrides: BackupOverrides = {},
): Promise<RunningService> {
  await using opened = new AsyncDisposableStack();
  const context = opened.use(await connectService(service_config, 'backup', overrides));
  const { failed, fail } = createFailure();
  const settings = backupSettings(context);
  const state = opened.use(openState(context, settings.database_file));
  const repository = overrides.repository ?? opened.use(await openOrCreate(settings.repository));
  const databases = opened.use(openDatabases({ context, settings, state }));
  const volumes = opened.use(openVolumeSnapshots({ context, state }));
  const deps = { context, settings, state, repository, databases, volumes };
  await replayHistory(deps);
  takeInConfigured(deps);
  await reconcile(deps);

  const metrics = metricsOf(deps);
  const cleaner = opened.use(createCleaner({ ...deps, metrics }));
  const walk_not_before_ms = context.clock.now_ms() + CATCH_UP_MS;
  const runner = opened.use(
    createRunner({
      ...deps,
      metrics,
      moments: createMoments(deps),
      walk_not_before_ms,
      isScheduled: (source) => isScheduled(deps, source),
      onOver: cleaner.wake,
    }),
  );
  const scheduler = opened.use(createScheduler({ ...deps, runner, not_before_ms: walk_not_before_ms }));
  opened.use(await subscribe(deps, runner.wake)).done.catch(fail);
  opened.use(keepPins(deps));
  const { host, events } = context;
  opened.use(
    await events.obey({ service: 'backup', host }, async (command) =>
      onCommand({ ...deps, runner }, command),
    ),
  );
  const app = await createHttpServer({ context, checks: () => [], title: 'Holdfast backup' });
  opened.defer(() => app.close());
  serveRoutes(app, { ...deps, metrics, runner, cleaner, scheduler });
  const url = await listen(app, service_config.http);
  cleaner.resume();
  scheduler.wake();
  runner.wake();
  databases.watch(runner.wake);
  context.log.info({ url, sources: settings.sources.map(({ name }) => name) }, 'backup serves');

  const held = opened.move();
  return { name: 'backup', url, failed, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

function metricsOf({ context, state, settings }: SnapshotDeps): BackupMetrics {
  return createMetrics(context.registry, {
    openCases: () => state.cases.paths().size,
    pendingChanges: () =>
      Object.fromEntries(settings.sources.map(({ name }) => [name, state.changes.count(name)])),
  });
}
