import type { DatabaseSync } from 'node:sqlite';
import { ScanQuestion } from '@holdfast/contracts/http/scan';
import { rpcSubject } from '@holdfast/contracts/subjects';
import { createOutbox } from '@holdfast/event-store/outbox';
import { createHttpServer, listen } from '@holdfast/http/server';
import { connectService, type ServiceContext } from '@holdfast/runtime/connect-service';
import { createFailure } from '@holdfast/runtime/failure';
import type { RunningService, ServiceConfig } from '@holdfast/runtime/service';
import { openDatabase } from '@holdfast/runtime/sqlite';
import { readSchemas } from './adapters/content/json-schemas.ts';
import { GitTrees } from './adapters/git.ts';
import { createFileRegistry, type FileRegistry } from './adapters/registry.ts';
import { REGISTRY_MIGRATIONS } from './adapters/registry-schema.ts';
import { createScrubProgress } from './adapters/scrub-progress.ts';
import { createSignTable } from './adapters/sign-table.ts';
import { createTerritory, schemaFiles } from './adapters/territory.ts';
import { createToldExpectations } from './adapters/told-expectations.ts';
import type { GapReason } from './adapters/watcher.ts';
import { createWorker } from './adapters/worker-client.ts';
import type { WorkerData } from './adapters/worker-messages.ts';
import { type MonitorConfig, monitorConfig } from './config.ts';
import { consumeOutcomes } from './consumers/on-file-recovered.ts';
import { serveRoutes } from './http/serve-routes.ts';
import type { Desk } from './inspection/desk.ts';
import { Expectations, type ExpectationsParts } from './inspection/expectations.ts';
import { GapWatch } from './inspection/gap-watch.ts';
import { Inspector } from './inspection/inspector.ts';
import { Ledger } from './inspection/ledger.ts';
import { MassWatch } from './inspection/mass-watch.ts';
import { PartialDeletions } from './inspection/partial-deletions.ts';
import { Reconciler } from './inspection/reconciler.ts';
import { RootGuard } from './inspection/root-guard.ts';
import { Scans } from './inspection/scans.ts';
import { Scrubber } from './inspection/scrubber.ts';
import { monitorStatus } from './inspection/status.ts';
import { WatchKeeper } from './inspection/watch-keeper.ts';
import { createMonitorMetrics } from './metrics.ts';

/** The first walk of a large tree goes on behind; a small one is known before anybody is told that we serve. */
const FIRST_WALK_MAX_MS = 10_000;

/** Starts the monitor: watch, compare, tell; HTTP. Rejects as `connectService` and `listen` do. */
export async function startMonitor(
  service_config: ServiceConfig,
  overrides: Partial<ServiceContext> = {},
): Promise<RunningService> {
  await using opened = new AsyncDisposableStack();
  const context = opened.use(await connectService(service_config, 'monitor', overrides));
  const { host, clock, log, events } = context;
  const { failed, fail } = createFailure();

  const parts = openInspection(context, opened, { settings: monitorConfig(service_config), fail });
  const { inspector, reconciler, registry, ledger, territory, keeper } = parts;
  parts.roots.check();
  await keeper.renew();
  const begun = reconciler.begin();
  begun.catch(fail);

  opened.use(await consumeOutcomes(events, host, { registry, ledger, inspector })).done.catch(fail);
  const afterFirstWalk = () => {
    parts.scrubber.begin();
    parts.expectations.begin();
  };
  begun.then(afterFirstWalk).catch(fail);
  const scans = new Scans({
    host,
    clock,
    registry,
    inspector,
    reconciler,
    ledger,
    expectations: parts.expectations,
  });
  opened.defer(() => scans.stop());
  opened.use(
    await events.answer(rpcSubject('monitor', 'scan', host), async (asked) => answerScan(scans, asked)),
  );

  const checks = () => [{ name: 'first walk', ok: reconciler.last !== undefined }];
  const app = await createHttpServer({ context, checks, title: 'Holdfast monitor' });
  opened.defer(() => app.close());
  const status = () => monitorStatus({ host, ...parts });
  serveRoutes(app, { registry, territory, ledger, clock, status, scan: (path) => scans.run(path) });
  const url = await listen(app, service_config.http);
  const patience = Promise.withResolvers<void>();
  const cancel = clock.after(FIRST_WALK_MAX_MS, patience.resolve);
  await Promise.race([begun, patience.promise]);
  cancel();
  log.info({ url, roots: territory.roots, files: registry.counts() }, 'monitor serves');

  const held = opened.move();
  return { name: 'monitor', url, failed, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

/** A new scan, whose report is waited for unless the question says otherwise; or how one goes. */
function answerScan(scans: Scans, asked: unknown) {
  const question = ScanQuestion.parse(asked ?? {});
  if ('scan_id' in question) return scans.progressOf(question.scan_id);
  return question.wait ? scans.run(question.path) : scans.begin(question.path);
}

interface Wishes {
  readonly settings: MonitorConfig;
  fail(error: unknown): void;
}

/** What is known, and how it is told. */
function openLedger(context: ServiceContext, opened: AsyncDisposableStack, settings: MonitorConfig) {
  const { host, log, origin, events } = context;
  const db = opened.adopt(openDatabase(settings.database, REGISTRY_MIGRATIONS), (open) => open.close());
  const registry = createFileRegistry(db);
  const outbox = opened.use(createOutbox({ db, store: events, log }));
  const metrics = createMonitorMetrics(context.registry);
  const territory = createTerritory(settings.territory);
  const mass = new MassWatch({ host, territory, registry, signs: createSignTable(db) });
  const ledger = new Ledger({ db, registry, outbox, origin, metrics, mass });
  return { db, registry, outbox, metrics, territory, ledger };
}

/** Everything between the watcher and the outbox, stopped in the opposite order by the stack. */
function openInspection(context: ServiceContext, opened: AsyncDisposableStack, { settings, fail }: Wishes) {
  const { host, clock, log } = context;
  const { database } = settings;
  const { db, registry, outbox, metrics, territory, ledger } = openLedger(context, opened, settings);
  const thread = { ...settings.territory, database, schemas: readSchemas(schemaFiles(settings.territory)) };
  const reader = opened.use(createWorker(thread));
  const walker = opened.use(createWorker(thread));
  const onReturn = () => void reconcile().catch(fail);
  const roots = opened.use(new RootGuard({ host, clock, territory, registry, ledger, onReturn }));
  const { move_window_ms, check_interval_ms, deep_check_interval_ms } = settings;
  const intervals = { check_interval_ms, deep_check_interval_ms };
  const base = { host, clock, log, territory, registry, ledger, roots, fail };
  const desk: Desk = { ...base, git: new GitTrees(), reader, move_window_ms };
  const reconciler = new Reconciler({ ...base, ...intervals, database, walker, inspector: () => inspector });
  const inspector = new Inspector({
    ...desk,
    explore: (folders) => reconciler.explore(folders),
    isWalking: () => reconciler.walking,
  });
  const reconcile = async (reason?: GapReason) => {
    // Where a limit is reached another watcher reaches it too.
    if (reason !== 'enospc' && reason !== 'emfile') await keeper.renew();
    await reconciler.walk('stat');
    await inspector.caughtUp();
  };
  const gaps = new GapWatch({ host, clock, log, ledger, roots: () => territory.roots, reconcile, fail });
  const keeper = opened.use(
    new WatchKeeper(territory, {
      onHint: (path, entry) => inspector.hint(path, entry),
      onGap: (reason, detail) => gaps.report(reason, detail),
    }),
  );
  opened.defer(() => {
    gaps.stop();
    reconciler.stop();
    inspector.stop();
  });
  metrics.observe({
    files: () => registry.counts(),
    pending: () => inspector.pending,
    unpublished: () => outbox.pending(),
  });
  const inspection = { registry, outbox, territory, ledger, roots, reconciler, inspector, gaps, keeper };
  return { ...inspection, ...openRounds(opened, { ...base, ...inspection, settings, db, walker, thread }) };
}

interface RoundsParts extends Omit<ExpectationsParts, 'told' | 'every_ms' | 'database'> {
  readonly settings: MonitorConfig;
  readonly db: DatabaseSync;
  readonly thread: WorkerData;
  readonly log: ServiceContext['log'];
  readonly registry: FileRegistry;
  readonly inspector: Inspector;
  readonly reconciler: Reconciler;
}

/** What goes over everything, again and again. */
function openRounds(opened: AsyncDisposableStack, { settings, db, thread, ...parts }: RoundsParts) {
  const { database, check_interval_ms, scrub } = settings;
  const scrubber = opened.use(
    new Scrubber({
      ...{ ...parts, settings: scrub, progress: createScrubProgress(db) },
      openReader: () => createWorker(thread),
    }),
  );
  const told = createToldExpectations(db);
  const expectations = new Expectations({ ...parts, database, told, every_ms: check_interval_ms });
  const deletions = new PartialDeletions({ ...parts, database });
  opened.defer(() => {
    deletions.stop();
    expectations.stop();
  });
  return { scrubber, expectations };
}
