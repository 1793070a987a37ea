import type { CleanupResult } from '@holdfast/contracts/http/backup';
import type { Command } from 'commander';
import { type ConnectionOptions, connect, withConnection } from '../client.ts';
import { count, localTime, print, printJson, printTable } from '../output/print.ts';

/** `cleanup`: removes what rotation does not keep, or says of every backup why it stays or goes. */
export function registerCleanup(program: Command): void {
  withConnection(program.command('cleanup').description('Remove the backups that rotation does not keep'))
    .option('--dry-run', 'only say why each stays or goes')
    .addHelpText(
      'after',
      '\nThe newest good backup of a source, what is held, and what an open loss wants never go.\n' +
        'Without `rotation` in the configuration everything stays.',
    )
    .action(cleanUp);
}

async function cleanUp(options: ConnectionOptions & { dryRun?: boolean }): Promise<void> {
  const dry_run = options.dryRun ?? false;
  const answer = await connect(options).send<CleanupResult>('POST', '/api/backup/cleanup', { dry_run });
  if (options.json) return printJson(answer);
  const shown = dry_run ? answer.items : answer.items.filter(({ stays }) => !stays);
  if (shown.length > 0) {
    printTable(
      ['backup', 'time', 'source', dry_run ? 'would' : 'did', 'because'],
      shown.map(({ backup_id, timestamp, source, stays, reasons }) => [
        ...[backup_id, localTime(timestamp), source, stays ? 'stay' : 'go'],
        reasons.map((reason) => reason.replaceAll('_', ' ')).join(', '),
      ]),
    );
  }
  const { kept, removed } = answer;
  print(
    `${count(removed, 'backup')} ${dry_run ? 'would go' : 'removed'}, ${kept} ${dry_run ? 'would stay' : 'kept'}`,
  );
}
