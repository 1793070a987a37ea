import { resolve } from 'node:path';
import type { Command } from 'commander';
import ms, { type StringValue } from 'ms';
import { type ConnectionOptions, connect, withConnection } from '../client.ts';
import { print, printJson } from '../output/print.ts';
import { usageError } from '../output/report-error.ts';

/** `allow-delete PATH`: what goes away there is meant to. */
export function registerAllowDelete(program: Command): void {
  const command = program
    .command('allow-delete')
    .description('For a while, a deletion of this file or below this folder is no loss')
    .argument('<path>', 'file or folder')
    .option('--for <duration>', 'for how long', '10m');
  withConnection(command).action(allowDelete);
}

async function allowDelete(path: string, options: ConnectionOptions & { for: string }): Promise<void> {
  const for_ms = ms(options.for as StringValue);
  if (!Number.isFinite(for_ms) || for_ms <= 0)
    throw usageError(`not a duration: ${options.for} (write 10m, 1h)`);
  const body = { path: resolve(path), for_seconds: Math.ceil(for_ms / 1000) };
  const answer = await connect(options).send<{ path: string; until: string }>(
    'POST',
    '/api/monitor/allow-delete',
    body,
  );
  if (options.json) return printJson(answer);
  print(`${answer.path} may be deleted until ${answer.until}`);
}
