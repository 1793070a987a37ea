import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { SERVICES, type ServiceName } from '@holdfast/contracts/catalog';
import { HoldfastError } from '@holdfast/contracts/errors';
import { dataPaths } from '@holdfast/contracts/paths';
import { loadConfig } from '@holdfast/runtime/config';
import { runUntilSignal } from '@holdfast/runtime/lifecycle';
import type { RunningService, ServiceConfig } from '@holdfast/runtime/service';
import type { Command } from 'commander';
import { usageError } from '../output/report-error.ts';
import { version } from '../version.ts';

const FIRST_PORT = 8421;

type Start = (config: ServiceConfig) => Promise<RunningService>;
const starts: Record<ServiceName, () => Promise<Start>> = {
  monitor: async () => (await import('@holdfast/monitor/service')).startMonitor,
  backup: async () => (await import('@holdfast/backup/service')).startBackup,
  recovery: async () => (await import('@holdfast/recovery/service')).startRecovery,
  alerting: async () => (await import('@holdfast/alerting/service')).startAlerting,
  audit: async () => (await import('@holdfast/audit/service')).startAudit,
};

/** `service <name>`: one service in one process, on its own port. */
export function registerService(program: Command): void {
  program
    .command('service')
    .description(`Run one service in this process: ${SERVICES.join(', ')}`)
    .argument('<name>', 'the service')
    .requiredOption('--config <file>', 'configuration (holdfast.yaml)')
    .option('--port <number>', 'HTTP port (default 8421 to 8425, in that order)')
    .action(runService);
}

async function runService(name: string, options: { config: string; port?: string }): Promise<void> {
  const index = SERVICES.indexOf(name as ServiceName);
  if (index < 0) throw usageError(`no service ${name}; there are ${SERVICES.join(', ')}`);
  const config = await loadConfig({ file: options.config, env: process.env });
  const data_dir = resolve(config.data_dir);
  const start = await starts[name as ServiceName]();
  const port = options.port === undefined ? FIRST_PORT + index : Number(options.port);
  await runUntilSignal(() =>
    start({
      config,
      data_dir,
      version: version(),
      http: { host: config.http.host, port },
      nats: natsOf(config.nats, data_dir, name),
    }),
  );
}

/** The configured server, else the one that `up` embeds in the same data folder. */
function natsOf(
  nats: { url?: string | undefined; credentials_file?: string | undefined },
  data_dir: string,
  name: string,
) {
  const paths = dataPaths(data_dir);
  const found = existsSync(paths.nats_url) ? readFileSync(paths.nats_url, 'utf8').trim() : undefined;
  const url = nats.url ?? found;
  if (url === undefined)
    throw new HoldfastError('nats_unreachable', 'no NATS is named: set NATS_URL or nats.url');
  const creds = nats.credentials_file ?? paths.service_creds(name);
  return existsSync(creds) ? { url, credentials_file: creds } : { url };
}
