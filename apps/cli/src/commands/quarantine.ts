import type { QuarantinedSource } from '@holdfast/contracts/http/backup';
import type { Command } from 'commander';
import { type ConnectionOptions, connect, withConnection } from '../client.ts';
import { count, localTime, print, printJson, printTable } from '../output/print.ts';

const EXAMPLES = 5;

/** `quarantine list|release` */
export function registerQuarantine(program: Command): void {
  const quarantine = program
    .command('quarantine')
    .description('Sources that look as if they were under attack: none of their backups is cleaned up');
  withConnection(
    quarantine.command('list').description('Which, why, and the last backup from before'),
  ).action(list);
  withConnection(
    quarantine
      .command('release')
      .argument('<source>')
      .description('It is well, or was meant: its backups are cleaned up again'),
  ).action(release);
}

async function list(options: ConnectionOptions): Promise<void> {
  const answer = await connect(options).get<{ items: QuarantinedSource[] }>('/api/backup/quarantine');
  if (options.json) return printJson(answer);
  if (answer.items.length === 0) return print('no source is in quarantine');
  printTable(
    ['source', 'since', 'files', 'why', 'last backup before'],
    answer.items.map(({ source, started_at, files, reasons, last_good_backup_id }) => [
      ...[source, localTime(started_at), String(files), reasons.join('; '), last_good_backup_id],
    ]),
  );
  for (const { source, files, examples } of answer.items) {
    print(`${source}: ${count(files, 'file')}, such as`);
    for (const path of examples.slice(0, EXAMPLES)) print(`  ${path}`);
  }
}

async function release(source: string, options: ConnectionOptions): Promise<void> {
  await connect(options).send('DELETE', `/api/backup/quarantine/${encodeURIComponent(source)}`);
  if (options.json) return printJson({ source, released: true });
  print(`${source}: released; its backups are cleaned up again`);
}
