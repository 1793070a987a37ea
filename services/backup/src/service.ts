import { createHttpServer, listen } from '@holdfast/http/server';
import { connectService, type ServiceContext } from '@holdfast/runtime/connect-service';
import { createFailure } from '@holdfast/runtime/failure';
import { HOT } from '@holdfast/runtime/repository-place';
import type { RunningService, ServiceConfig } from '@holdfast/runtime/service';
import { openDatabases } from './adapters/backup-run/databases.ts';
import type { SnapshotDeps } from './adapters/backup-run/make-snapshot.ts';
import { createRunner } from './adapters/backup-run/runner.ts';
import { reconcile } from './adapters/catalog/reconcile.ts';
import { watchVanished } from './adapters/catalog/tell-vanished.ts';
import { watchLateChanges } from './adapters/changes/late-changes.ts';
import type { Engine } from './adapters/engine.ts';
import { openOwedHooks } from './adapters/hooks/owed-hooks.ts';
import { createMoments } from './adapters/moments/moments.ts';
import { openVolumeSnapshots } from './adapters/moments/volume-snapshots.ts';
import { type Cleaner, createCleaner } from './adapters/retention/cleaner.ts';
import { createReclaimer, type Reclaimer } from './adapters/retention/reclaim.ts';
import { keepPins } from './adapters/retention/resolve-pins.ts';
import { takeInConfigured } from './adapters/schedule/modify-schedules.ts';
import { isScheduled } from './adapters/schedule/obligations.ts';
import { createScheduler } from './adapters/schedule/scheduler.ts';
import { openState } from './adapters/state.ts';
import { linkToHot } from './adapters/storage/link-to-hot.ts';
import { type MeasureSpace, measureSpace } from './adapters/storage/measure-space.ts';
import { openHot } from './adapters/storage/open-hot.ts';
import { watchSpace } from './adapters/storage/watch-space.ts';
import { createMover } from './adapters/tiers/mover.ts';
import { openTiers, type TiersDeps } from './adapters/tiers/tiers.ts';
import { removeLeftovers } from './adapters/verification/scratch-folder.ts';
import { createVerifier } from './adapters/verification/verifier.ts';
import { backupSettings } from './config.ts';
import { type CommandDeps, onCommand } from './consumers/on-command.ts';
import { replayHistory, subscribe } from './consumers/subscribe.ts';
import { serveRoutes } from './http/serve-routes.ts';
import { type BackupMetrics, createMetrics, registerTierGauges } from './metrics.ts';

/** What tests may give instead of the real thing. */
export type BackupOverrides = Partial<ServiceContext> & {
  repository?: Engine;
  /** False: Holdfast itself is not backed up. */
  own_source?: boolean;
  openTier?: TiersDeps['openTier'];
  measureSpace?: MeasureSpace;
};

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
  const settings = backupSettings(context, { own_source: overrides.own_source ?? true });
  const state = opened.use(openState(context, settings));
  await replayHistory({ context, settings, state });
  const repository = overrides.repository ?? opened.use(await openHot({ context, settings, state }));
  linkToHot(context.data_dir, repository.location);
  const tiers = opened.use(openTiers({ context, settings, state, repository, openTier: overrides.openTier }));
  const databases = opened.use(openDatabases({ context, settings, state }));
  const volumes = opened.use(openVolumeSnapshots({ context, state }));
  const deps = { context, settings, state, repository, tiers, databases, volumes };
  takeInConfigured(deps);
  await reconcile(deps);
  await removeLeftovers(settings.scratch_dir);

  const metrics = metricsOf(deps);
  const reclaimer = opened.use(createReclaimer(deps));
  const cleaner = opened.use(createCleaner({ ...deps, metrics, reclaimer }));
  const mover = opened.use(createMover({ ...deps, reclaimer }));
  const measure = overrides.measureSpace ?? measureSpace;
  const space = opened.use(watchSpace({ ...deps, measure, onFuller: () => makeRoom(cleaner, reclaimer) }));
  registerTierGauges(context.registry, {
    tiers: tiers.places.map(({ name }) => name),
    copies: state.copies.count,
    freeBytes: (tier) => space.latest(tier)?.free_bytes ?? null,
  });
  const walk_not_before_ms = context.clock.now_ms() + CATCH_UP_MS;
  const owed = opened.use(openOwedHooks(deps));
  const runner = opened.use(
    createRunner({
      ...deps,
      metrics,
      owed,
      moments: createMoments(deps),
      walk_not_before_ms,
      isScheduled: (source) => isScheduled(deps, source),
      onOver: () => cleaner.wake(),
    }),
  );
  const scheduler = opened.use(createScheduler({ ...deps, runner, not_before_ms: walk_not_before_ms }));
  const verifier = opened.use(createVerifier({ ...deps, metrics, reclaimer, request: runner.request }));
  opened.use(await subscribe(deps, runner.wake)).done.catch(fail);
  opened.use(watchLateChanges(deps));
  opened.use(keepPins(deps));
  opened.use(watchVanished(deps));
  opened.use(await obeyCommands({ ...deps, runner }));
  const app = await createHttpServer({ context, checks: () => [], title: 'Holdfast backup' });
  opened.defer(() => app.close());
  serveRoutes(app, { ...deps, metrics, runner, cleaner, scheduler, mover, space });
  const url = await listen(app, service_config.http);
  owed.wake();
  cleaner.resume();
  scheduler.wake();
  runner.wake();
  mover.wake();
  space.wake();
  databases.watch(runner.wake);
  verifier.wake();
  context.log.info({ url, sources: settings.sources.map(({ name }) => name) }, 'backup serves');

  const held = opened.move();
  return { name: 'backup', url, failed, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

function makeRoom(cleaner: Cleaner, reclaimer: Reclaimer): void {
  cleaner.wake({ now: true });
  // What was removed before the start, and was not freed.
  reclaimer.note(HOT);
  reclaimer.run({ now: true });
}

function obeyCommands(deps: CommandDeps): Promise<AsyncDisposable> {
  const { host, events } = deps.context;
  return events.obey({ service: 'backup', host }, async (command) => onCommand(deps, command));
}

function metricsOf({ context, state, settings }: SnapshotDeps): BackupMetrics {
  return createMetrics(context.registry, {
    openCases: () => state.cases.paths().size,
    pendingChanges: () =>
      Object.fromEntries(settings.sources.map(({ name }) => [name, state.changes.count(name)])),
  });
}
