import { createHttpServer, listen } from '@holdfast/http/server';
import type { Repository } from '@holdfast/repository/api';
import { connectService, type ServiceContext } from '@holdfast/runtime/connect-service';
import { createFailure } from '@holdfast/runtime/failure';
import type { RunningService, ServiceConfig } from '@holdfast/runtime/service';
import type { DiskOptions } from './adapters/disk.ts';
import { systemMetadata } from './adapters/metadata.ts';
import { waitForRepository } from './adapters/wait-for-repository.ts';
import { buildRecovery, type RecoveryParts } from './build-recovery.ts';
import { type RecoverySettings, recoverySettings } from './config.ts';
import { subscribe } from './consumers/subscribe.ts';
import { serveRoutes } from './http/serve-routes.ts';
import { resumeTasks } from './open-recovery.ts';

/** What tests may give instead of the real thing. */
export interface RecoveryOverrides extends Partial<ServiceContext> {
  readonly repository?: Repository;
  readonly settings?: Partial<RecoverySettings>;
  readonly before_disk_step?: DiskOptions['before'];
}

/** Starts the recovery service: it goes on with what a dead run left open, serves, and waits for losses. */
export async function startRecovery(
  service_config: ServiceConfig,
  overrides: RecoveryOverrides = {},
): Promise<RunningService> {
  await using opened = new AsyncDisposableStack();
  const context = opened.use(await connectService(service_config, 'recovery', overrides));
  const { failed, fail } = createFailure();
  const settings = { ...recoverySettings(context), ...overrides.settings };
  const repository =
    overrides.repository ?? opened.use(await waitForRepository(settings.repository, context.clock));
  const before = overrides.before_disk_step;
  const disk = { metadata: systemMetadata, ...(before && { before }) };
  const parts = opened.use(await buildRecovery({ context, settings, repository, disk }));
  parts.queue.failed.catch(fail);
  parts.queue.add(resumeTasks(parts.store, context.clock.now_ms()));

  const app = await createHttpServer({ context, checks: () => checksOf(parts), title: 'Holdfast recovery' });
  opened.defer(() => app.close());
  serveRoutes(app, parts);
  const consumers = await subscribe(parts);
  for (const consumer of consumers) opened.use(consumer).done.catch(fail);
  const url = await listen(app, service_config.http);
  context.log.info({ url, open_cases: parts.store.openCount() }, 'recovery serves');

  const held = opened.move();
  return { name: 'recovery', url, failed, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

function checksOf({ store, outbox }: RecoveryParts) {
  const detail = `${store.openCount()} open cases, ${outbox.pending()} events to publish`;
  return [{ name: 'cases', ok: true, detail }];
}
