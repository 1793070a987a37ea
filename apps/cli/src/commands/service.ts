import { SERVICES } from '@holdfast/contracts/catalog';
import { runService } from '@holdfast/runtime/process-door';
import { loadService } from '@holdfast/standalone/load-service';
import type { Command } from 'commander';
import { portNumber, usageError } from '../output/report-error.ts';
import { version } from '../version.ts';

/** `service <name>`: one service in one process, on its own port. */
export function registerService(program: Command): void {
  program
    .command('service')
    .description(`Run one service in this process: ${SERVICES.join(', ')}`)
    .argument('<name>', 'the service')
    .requiredOption('--config <file>', 'configuration (holdfast.yaml)')
    .option('--port <number>', 'HTTP port (default 8421 to 8425, in that order)')
    .action(run);
}

async function run(given: string, options: { config: string; port?: string }): Promise<void> {
  const name = SERVICES.find((one) => one === given);
  if (name === undefined) throw usageError(`no service ${given}; there are ${SERVICES.join(', ')}`);
  await runService(name, await loadService(name), {
    config_file: options.config,
    port: options.port === undefined ? undefined : portNumber(options.port),
    version: version(),
  });
}
