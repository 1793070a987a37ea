import { resolve } from 'node:path';
import type { DatabaseProof } from '@holdfast/contracts/backup-events';
import { EXIT, HoldfastError } from '@holdfast/contracts/errors';
import type { RestoreResult } from '@holdfast/contracts/http/backup';
import type { Command } from 'commander';
import { type ConnectionOptions, withConnection } from '../client.ts';
import { bytes, count, print, printJson, warn } from '../output/print.ts';
import { sendLong } from '../send-long.ts';
import { backupIdOf } from './backups.ts';
import { type DatabaseOptions, meansDatabase, restoreDatabase } from './restore-database.ts';

interface RestoreOptions extends DatabaseOptions {
  target?: string;
  verify: boolean;
}

interface RestoreAnswer extends Pick<RestoreResult, 'one_moment' | 'databases' | 'missing'> {
  files_restored: number;
  bytes_restored: number;
  failed: { path: string; reason: string }[];
}

interface VerifyAnswer {
  passed: boolean;
  files_checked: number;
  bytes_checked: number;
  database?: DatabaseProof;
  problems: string[];
}

/** `verify` and `restore`. */
export function registerRestore(program: Command): void {
  withConnection(
    program.command('verify').argument('[id]').description('Prove that a backup can be read back'),
  )
    .option('--backup-id <id>', 'the backup')
    .option('--level <level>', 'manifest, data or restore', 'data')
    .action(verify);
  withConnection(
    program
      .command('restore')
      .argument('[id]')
      .description('Put files of a backup, or of all backups of a snapshot, into a folder'),
  )
    .option('--backup-id <id>', 'the backup')
    .option('--files <globs...>', 'only these')
    .option('--target <dir>', 'the folder', 'restored')
    .option('--no-verify', 'do not compare what was written')
    .option('--dry-run', 'say what would be done')
    .option('--source <name>', 'a database: the backup that holds the time is found by itself')
    .option('--at <time>', 'of a database: as it was at the end of this second')
    .option('--target-database <name>', 'of a database: where it goes (default: where it was)')
    .option('--collections <names...>', 'of a database: only these')
    .option('--query <json>', 'of a database: put only documents that match into what stands there')
    .option('--overwrite', 'of a database: take the place of collections that stand there')
    .addHelpText(
      'after',
      [
        '\nA database as it was at 9:41:07, beside the one that is there:',
        '  holdfast restore --source database --at 2026-11-25T09:41:07Z --target-database bmc_0941',
        'One document of it put back where it was:',
        '  holdfast restore --source database --at 2026-11-25T09:41:07Z --collections quotes --query \'{"_id": 17}\'',
      ].join('\n'),
    )
    .action(restore);
}

async function verify(
  positional: string | undefined,
  options: ConnectionOptions & { backupId?: string; level: string },
) {
  const id = backupIdOf(positional, options);
  const path = `/api/backup/${encodeURIComponent(id)}/verify`;
  const answer = await sendLong<VerifyAnswer>(options, path, { level: options.level });
  if (options.json) printJson(answer);
  else print(`${id}: ${count(answer.files_checked, 'file')}, ${bytes(answer.bytes_checked)} checked`);
  if (!options.json && answer.database !== undefined) print(proofLine(answer.database));
  if (!answer.passed)
    throw new HoldfastError('repo_damaged', `${id} does not verify: ${answer.problems.join('; ')}`);
}

function proofLine({ restored, collections, documents, reason }: DatabaseProof): string {
  const what = `${count(documents, 'document')} in ${count(collections, 'collection')}`;
  return restored
    ? `restored into a database of its own and compared: ${what}, indexes and options`
    : `not restored into a MongoDB (${reason}); every change applied to the base without one: ${what}`;
}

async function restore(positional: string | undefined, options: RestoreOptions): Promise<void> {
  if (meansDatabase(options)) return restoreDatabase(positional, options);
  const body = {
    backup_id: backupIdOf(positional, options),
    ...(options.files === undefined ? {} : { files: options.files }),
    target_path: resolve(options.target ?? 'restored'),
    verify: options.verify,
    dry_run: options.dryRun ?? false,
  };
  const answer = await sendLong<RestoreAnswer>(options, '/api/backup/restore', body);
  if (options.json) printJson(answer);
  else
    print(
      `${count(answer.files_restored, 'file')}, ${bytes(answer.bytes_restored)} ${body.dry_run ? 'would go ' : ''}into ${body.target_path}`,
    );
  if (answer.one_moment === false) {
    warn('these backups are not all as of one moment: `holdfast list --group` tells of each');
  }
  for (const { source, backup_id } of answer.databases ?? []) {
    warn(`${source} is a database: holdfast restore ${backup_id} --target-database NAME`);
  }
  for (const one of answer.failed) warn(`not restored: ${one.path}: ${one.reason}`);
  const missing = answer.missing ?? [];
  for (const { source, reason } of missing) warn(`not restored: source ${source}: ${reason}`);
  if (answer.failed.length + missing.length > 0) process.exitCode = EXIT.partial;
}
