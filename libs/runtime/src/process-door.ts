import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { SERVICES, type ServiceName } from '@holdfast/contracts/catalog';
import type { HoldfastConfig } from '@holdfast/contracts/config';
import { HoldfastError } from '@holdfast/contracts/errors';
import { dataPaths } from '@holdfast/contracts/paths';
import { loadConfig } from './config.ts';
import { runUntilSignal } from './lifecycle.ts';
import type { RunningService, ServiceConfig } from './service.ts';

const FIRST_PORT = 8421;

/** What starts a service: each exports one as `start<Name>`. */
export type StartService = (config: ServiceConfig) => Promise<RunningService>;

export interface ProcessOptions {
  readonly config_file: string | undefined;
  /** Default: 8421 for the monitor, and so on in the order of `SERVICES`. */
  readonly port?: number | undefined;
  readonly version: string;
}

/**
 * Runs one service in this process until a signal ends it. Rejects with `config_invalid`, with `nats_unreachable`
 * where no NATS is named, and as the service does.
 */
export async function runService(
  name: ServiceName,
  start: StartService,
  { config_file, port, version }: ProcessOptions,
): Promise<void> {
  const config = await loadConfig({ file: config_file, env: process.env });
  const data_dir = resolve(config.data_dir);
  const http = { host: config.http.host, port: port ?? FIRST_PORT + SERVICES.indexOf(name) };
  const nats = natsOf(config.nats, data_dir, name);
  await runUntilSignal(() => start({ config, data_dir, version, http, nats }));
}

/** The same for a `main.ts`: `--config FILE` from the command line. */
export async function runMain(name: ServiceName, start: StartService): Promise<void> {
  const { values } = parseArgs({ options: { config: { type: 'string' } } });
  const version = process.env['npm_package_version'] ?? '0.1.0';
  await runService(name, start, { config_file: values.config, version });
}

/** The configured server, else the one that `up` embeds in the same data folder. */
function natsOf(nats: HoldfastConfig['nats'], data_dir: string, name: ServiceName): ServiceConfig['nats'] {
  const paths = dataPaths(data_dir);
  const found = existsSync(paths.nats_url) ? readFileSync(paths.nats_url, 'utf8').trim() : undefined;
  const url = nats.url ?? found;
  if (url === undefined)
    throw new HoldfastError('nats_unreachable', 'no NATS is named: set NATS_URL or nats.url');
  const credentials_file = nats.credentials_file ?? paths.service_creds(name);
  return existsSync(credentials_file) ? { url, credentials_file } : { url };
}
