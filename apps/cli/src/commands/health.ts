import { styleText } from 'node:util';
import { HoldfastError } from '@holdfast/contracts/errors';
import type { Command } from 'commander';
import { type ConnectionOptions, connect, withConnection } from '../client.ts';
import { printAsIs, printJson } from '../output/print.ts';

interface Readiness {
  status: string;
  services: { service: string; ready: boolean; detail: unknown }[];
}

/** `health`: what runs, and what does not; exit code 1 where something does not. */
export function registerHealth(program: Command): void {
  withConnection(program.command('health').description('What runs, and what does not')).action(health);
}

async function health(options: ConnectionOptions): Promise<void> {
  const client = connect(options);
  const readiness = (await (await client.ask('/readyz')).json()) as Readiness;
  const down = readiness.services.filter((one) => !one.ready).map((one) => one.service);
  const backup = down.includes('backup') ? null : await client.get<object>('/api/backup/health');
  if (options.json) printJson({ ...readiness, backup });
  else for (const one of readiness.services) printAsIs(`${one.service.padEnd(10)} ${mark(one.ready)}`);
  if (down.length > 0) throw new HoldfastError('conflict', `not ready: ${down.join(', ')}`);
}

function mark(ready: boolean): string {
  return ready ? styleText('green', 'ok') : styleText('red', 'down');
}
