import { styleText } from 'node:util';
import { HoldfastError } from '@holdfast/contracts/errors';
import type { BackupHealth } from '@holdfast/contracts/http/backup';
import { printable } from '@holdfast/runtime/printable';
import type { Command } from 'commander';
import { type ConnectionOptions, connect, withConnection } from '../client.ts';
import { type BackupTrouble, backupTroubles } from '../output/backup-troubles.ts';
import { printAsIs, printJson } from '../output/print.ts';

interface Readiness {
  status: string;
  services: { service: string; ready: boolean; detail: unknown }[];
}

/** The longest: `critical usage`. */
const STATUS_WIDTH = 14;

/** `health`: what runs, what does not, and which sources and tiers are not ok; exit code 1 where a service is down. */
export function registerHealth(program: Command): void {
  withConnection(
    program.command('health').description('What runs, what does not, and which backups are in trouble'),
  )
    .addHelpText(
      'after',
      '\nSources and tiers are named only where they are not ok, each with its reason. The exit code is 1 where a service\n' +
        'is down; what fails of the backups is an alert, and `status` of `backup` in --json.',
    )
    .action(health);
}

async function health(options: ConnectionOptions): Promise<void> {
  const client = connect(options);
  const readiness = (await (await client.ask('/readyz')).json()) as Readiness;
  const down = readiness.services.filter((one) => !one.ready).map((one) => one.service);
  const backup = down.includes('backup') ? null : await client.get<BackupHealth>('/api/backup/health');
  if (options.json) printJson({ ...readiness, backup });
  else printHealth(readiness, backup);
  if (down.length > 0) throw new HoldfastError('conflict', `not ready: ${down.join(', ')}`);
}

function printHealth({ services }: Readiness, backup: BackupHealth | null): void {
  for (const { service, ready } of services) {
    const is_degraded = service === 'backup' && backup?.status === 'degraded';
    printAsIs(`${service.padEnd(10)} ${is_degraded ? styleText('yellow', 'degraded') : mark(ready)}`);
  }
  for (const trouble of backup === null ? [] : backupTroubles(backup)) printTrouble(trouble);
}

function printTrouble({ what, name, status, reason, is_failure }: BackupTrouble): void {
  const colored = styleText(is_failure ? 'red' : 'yellow', status.padEnd(STATUS_WIDTH));
  printAsIs(`${colored} ${what} ${printable(name)}${reason === null ? '' : `: ${printable(reason)}`}`);
}

function mark(ready: boolean): string {
  return ready ? styleText('green', 'ok') : styleText('red', 'down');
}
