import { HoldfastError } from '@holdfast/contracts/errors';
import { styleText } from 'node:util';
import type { Command } from 'commander';
import { connect, type ConnectionOptions, withConnection } from '../client.ts';
import { print, printJson } from '../output/print.ts';

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
  const answer = await client.get<Readiness>('/readyz').catch((error: unknown) => {
    if (Error.isError(error) && (error as HoldfastError).code === 'unavailable') return undefined;
    throw error;
  });
  if (answer === undefined) throw new HoldfastError('conflict', 'some services are not ready');
  const backup = await client.get<Record<string, unknown>>('/api/backup/health');
  if (options.json) return printJson({ ...answer, backup });
  for (const one of answer.services) {
    const mark = one.ready ? styleText('green', 'ok') : styleText('red', 'down');
    print(`${one.service.padEnd(10)} ${mark}`);
  }
}
