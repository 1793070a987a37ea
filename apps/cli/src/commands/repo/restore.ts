import { resolve } from 'node:path';
import { EXIT } from '@holdfast/contracts/errors';
import type { RestoreResult } from '@holdfast/repository/api';
import { literalPaths } from '@holdfast/repository/literal-paths';
import { createPathFilter } from '@holdfast/repository/path-filter';
import type { Command } from 'commander';
import { abortOnInterrupt } from '../../abort-on-interrupt.ts';
import { bytes, count, print, printJson, warn } from '../../output/print.ts';
import { startProgressBar } from '../../output/progress-bar.ts';
import { type GlobOptions, withGlobOptions } from './glob-options.ts';
import { splitSnapshotPath } from './snapshot-path.ts';
import { type RepoOptions, withRepoOptions, withRepository } from './with-repository.ts';

interface RestoreOptions extends RepoOptions, GlobOptions {
  target: string;
  dryRun?: boolean;
}

const HELP = `
An absolute path is put below the target as it was named; of ID:/sub/folder the content goes straight into it.
Globs are matched against stored absolute paths: /srv/data (and all below it), '/srv/*/x.json', '*.txt' anywhere.
Files that are already what was stored are compared and left, so an interrupted restore goes on when it is run again.
Ends with 3 where files could not be restored, with 7 where the repository no longer holds them; each is named.

  holdfast repo restore latest --target /tmp/back --include /srv/data/report.json
  holdfast repo restore 1f2e3d4c:/srv/data --target /srv/data --dry-run`;

/** `repo restore` */
export function registerRestore(repo: Command): void {
  const command = repo
    .command('restore')
    .argument('<id>', 'ID, latest, or ID:/sub/folder for what is in that folder');
  const described = command.description('Put a snapshot, or a part of it, into a folder');
  withGlobOptions(withRepoOptions(described))
    .requiredOption(
      '--target <dir>',
      'the folder; nothing outside of it is touched, as long as nobody else swaps its folders for symlinks meanwhile',
    )
    .option('--dry-run', 'say what would be done, and change nothing')
    .addHelpText('after', HELP)
    .action(restore);
}

async function restore(what: string, options: RestoreOptions): Promise<void> {
  const { id, path: subfolder } = splitSnapshotPath(what);
  const is_chosen = options.include !== undefined || options.exclude !== undefined;
  const within = literalPaths(options.include);
  let snapshot_id = '';
  const result = await withRepository(
    options,
    async (repository) => {
      using signal = abortOnInterrupt();
      using bar = startProgressBar({ quiet: options.json === true });
      snapshot_id = (await repository.snapshot(id)).id;
      return await repository.restore({
        snapshot_id,
        target: resolve(options.target),
        ...(subfolder !== undefined && { subfolder: resolve('/', subfolder) }),
        ...(within !== undefined && { within }),
        ...(is_chosen && { select: createPathFilter(options) }),
        dry_run: options.dryRun ?? false,
        on_progress: (progress) => bar.update(progress),
        signal,
      });
    },
    { preload },
  );
  report(result, { snapshot_id, options });
  process.exitCode = exitCodeOf(result, options.include);
}

const preload = () => import('@holdfast/repository/read/restore');

function report(
  result: RestoreResult,
  { snapshot_id, options }: { snapshot_id: string; options: RestoreOptions },
) {
  const target = resolve(options.target);
  const dry_run = options.dryRun ?? false;
  if (options.json) printJson({ snapshot_id, target, dry_run, ...result });
  else print(`${dry_run ? 'would restore' : 'restored'} ${summaryOf(result)}, into ${target}`);
  for (const { path, reason } of result.failed) {
    warn(`${reason.startsWith('xattr ') ? 'restored without' : 'not restored'}: ${path}: ${reason}`);
  }
}

function summaryOf({ files, bytes: size, files_unchanged, bytes_unchanged }: RestoreResult): string {
  const written = `${count(files - files_unchanged, 'file')}, ${bytes(size - bytes_unchanged)}`;
  if (files_unchanged === 0) return written;
  return `${written} (${files_unchanged} more, ${bytes(bytes_unchanged)}, were there already)`;
}

function exitCodeOf(result: RestoreResult, include: readonly string[] | undefined): number {
  if (result.failed.some(({ is_damage }) => is_damage)) return EXIT.integrity;
  if (result.failed.length > 0) return EXIT.partial;
  if (result.files + result.others > 0 || include === undefined) return EXIT.ok;
  warn(`nothing that is stored matches ${include.join(' ')}`);
  return EXIT.not_found;
}
