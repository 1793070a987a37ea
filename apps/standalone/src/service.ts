import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { SERVICES, type ServiceName } from '@holdfast/contracts/catalog';
import type { HoldfastConfig } from '@holdfast/contracts/config';
import { dataPaths } from '@holdfast/contracts/paths';
import { startEmbedded } from '@holdfast/event-store/embedded-server';
import type { Logger } from '@holdfast/runtime/logger';
import type { ServiceConfig } from '@holdfast/runtime/service';
import { lockDataFolder } from './data-lock.ts';
import { createFront, listenFront } from './front.ts';
import { preflight } from './preflight.ts';
import { hostService, type ServiceHost } from './service-host.ts';

/** Everything in one process tree: NATS, the five services, one address. */
export interface RunningHoldfast extends AsyncDisposable {
  readonly url: string;
  readonly nats_url: string;
  /** Rejects when a part cannot go on. */
  readonly failed: Promise<never>;
}

export interface StandaloneOptions {
  readonly config: HoldfastConfig;
  readonly log: Logger;
  readonly version: string;
}

/** Where a service finds NATS and with which credentials. */
type NatsAccess = (name: ServiceName) => ServiceConfig['nats'];

/**
 * Starts all of Holdfast; when it resolves everything serves. Rejects with one clear error and leaves nothing running
 * where a part cannot start. Disposing drains: first the door, then the services, then NATS.
 */
export async function startHoldfast({ config, log, version }: StandaloneOptions): Promise<RunningHoldfast> {
  const data_dir = resolve(config.data_dir);
  const parts = new AsyncDisposableStack();
  await preflight(config, data_dir);
  try {
    parts.use(lockDataFolder(data_dir));
    const hosts = new Map<ServiceName, ServiceHost>();
    const front = await createFront({
      services: SERVICES,
      upstream: (name) => hosts.get(name)?.url(),
      version,
    });
    const url = await listenFront(front, config.http);
    parts.defer(() => front.close());
    const nats = await openNats(config, data_dir, log, parts);

    const start = async (name: ServiceName): Promise<void> => {
      const http = { host: '127.0.0.1', port: 0 };
      const host = await hostService(name, { config, data_dir, http, version, nats: nats.access(name) }, log);
      hosts.set(name, parts.use(host));
    };
    // Listeners before those that they listen to; audit first, because it makes the admin's token.
    await start('audit');
    // The backup service makes the repository, or refuses to: recovery only opens it.
    await all(
      start('alerting'),
      start('backup').then(() => start('recovery')),
    );
    await start('monitor');
    writeFileSync(dataPaths(data_dir).url, `${url}\n`);

    const failed = Promise.race([...hosts.values()].map((host) => host.failed));
    failed.catch(() => undefined);
    return { url, nats_url: nats.url, failed, [Symbol.asyncDispose]: () => parts.disposeAsync() };
  } catch (error) {
    await parts.disposeAsync();
    throw error;
  }
}

/** All of them have ended when it does: what starts behind an error would run for ever. */
async function all(...starts: Promise<void>[]): Promise<void> {
  await Promise.allSettled(starts);
  await Promise.all(starts);
}

async function openNats(
  config: HoldfastConfig,
  data_dir: string,
  log: Logger,
  parts: AsyncDisposableStack,
): Promise<{ url: string; access: NatsAccess }> {
  const { url, credentials_file, port } = config.nats;
  if (url !== undefined) {
    const access = { url, ...(credentials_file === undefined ? {} : { credentials_file }) };
    return { url, access: () => access };
  }
  const embedded = parts.use(await startEmbedded({ data_dir, host: config.host, port, log }));
  return {
    url: embedded.url,
    access: (name) => ({ url: embedded.url, credentials_file: embedded.creds(name) }),
  };
}
