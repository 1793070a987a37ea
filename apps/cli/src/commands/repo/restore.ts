import { resolve } from 'node:path';
import { EXIT } from '@holdfast/contracts/errors';
import { createPathFilter } from '@holdfast/repository/path-filter';
import type { Command } from 'commander';
import { bytes, print, printJson } from '../../output/print.ts';
import { startProgressBar } from '../../output/progress-bar.ts';
import { abortOnInterrupt, type RepoOptions, withRepoOptions, withRepository } from './with-repository.ts';

interface RestoreOptions extends RepoOptions {
  target: string;
  include?: string[];
  exclude?: string[];
  dryRun?: boolean;
}

/** `repo restore` */
export function registerRestore(repo: Command): void {
  const command = repo
    .command('restore')
    .argument('<id>', 'ID, latest, or ID:/sub/folder for what is in that folder');
  withRepoOptions(command.description('Put a snapshot, or a part of it, into a folder'))
    .requiredOption('--target <dir>', 'the folder; nothing outside of it is touched')
    .option('--include <globs...>', 'only these')
    .option('--exclude <globs...>', 'all but these')
    .option('--dry-run', 'write nothing')
    .action(restore);
}

async function restore(what: string, options: RestoreOptions): Promise<void> {
  const [, id, subfolder] = /^([^:]+)(?::(.*))?$/s.exec(what) ?? [];
  const is_chosen = options.include !== undefined || options.exclude !== undefined;
  const result = await withRepository(options, async (repository) => {
    using signal = abortOnInterrupt();
    using bar = startProgressBar({ quiet: options.json === true });
    return await repository.restore({
      snapshot_id: (await repository.snapshot(id ?? what)).id,
      target: resolve(options.target),
      ...(subfolder !== undefined && { subfolder: resolve('/', subfolder) }),
      ...(is_chosen && { select: createPathFilter(options) }),
      dry_run: options.dryRun ?? false,
      on_progress: (progress) => bar.update(progress),
      signal,
    });
  });
  if (options.json) printJson(result);
  else {
    const done = options.dryRun ? 'would restore' : 'restored';
    print(`${done} ${result.files} files, ${bytes(result.bytes)}, into ${resolve(options.target)}`);
  }
  for (const { path, reason } of result.failed) process.stderr.write(`not restored: ${path}: ${reason}\n`);
  if (result.failed.length > 0) process.exitCode = EXIT.partial;
}
