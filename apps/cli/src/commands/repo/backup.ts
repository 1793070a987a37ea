import { lstatSync } from 'node:fs';
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { EXIT, systemCode } from '@holdfast/contracts/errors';
import type { BackupResult } from '@holdfast/repository/api';
import { createPathFilter } from '@holdfast/repository/path-filter';
import { type Command, Option } from 'commander';
import { abortOnInterrupt } from '../../abort-on-interrupt.ts';
import { bytes, print, printJson, warn } from '../../output/print.ts';
import { startProgressBar } from '../../output/progress-bar.ts';
import { usageError } from '../../output/report-error.ts';
import { type GlobOptions, withGlobOptions } from './glob-options.ts';
import { ownFoldersBelow } from './own-folders.ts';
import { type RepoOptions, withRepoOptions, withRepository } from './with-repository.ts';

interface BackupOptions extends RepoOptions, GlobOptions {
  type: 'full' | 'incremental';
  host: string;
  source?: string;
  dryRun?: boolean;
}

/** `repo backup` */
export function registerBackup(repo: Command): void {
  const command = repo.command('backup').argument('<paths...>').description('Store files and folders');
  withGlobOptions(withRepoOptions(command))
    .addOption(
      new Option('--type <type>', 'full reads everything again')
        .choices(['full', 'incremental'])
        .default('incremental'),
    )
    .option('--host <name>', 'whose files they are', hostname())
    .option('--source <name>', 'what they are; a snapshot is compared with the last of the same name')
    .option('--dry-run', 'store nothing')
    .action(backup);
}

async function backup(paths: string[], options: BackupOptions): Promise<void> {
  const roots = paths.map((path) => resolve(path));
  for (const root of roots) mustStand(root);
  const own = new Set(ownFoldersBelow(roots, options));
  for (const path of own) warn(`left out: ${path} belongs to the repository that is written to`);
  const isChosen = createPathFilter(options);
  const result = await withRepository(options, async (repository) => {
    using signal = abortOnInterrupt();
    using bar = startProgressBar({ quiet: options.json === true });
    return await repository.backup({
      host: options.host,
      source: options.source ?? roots.join(','),
      roots,
      select: (path, kind) => !own.has(path) && isChosen(path, kind),
      full: options.type === 'full',
      dry_run: options.dryRun ?? false,
      metadata: () => ({ backup_type: options.type }),
      on_progress: (progress) => bar.update(progress),
      signal,
    });
  });
  if (options.json) printJson(asJson(result, options));
  else report(result, options);
  const { unreadable, unsteady = [] } = result.stats;
  for (const { path, reason } of unreadable) warn(`not read: ${path}: ${reason}`);
  for (const { path, reason } of unsteady) warn(`not of one moment: ${path}: ${reason}`);
  if (unreadable.length + unsteady.length > 0) process.exitCode = EXIT.partial;
}

function report({ snapshot, stats }: BackupResult, options: BackupOptions): void {
  for (const { path, reason } of stats.skipped ?? []) warn(`skipped: ${path}: ${reason}`);
  const changes = `${stats.files_new} new, ${stats.files_changed} changed, ${stats.files_removed} removed`;
  const stored = `${bytes(stats.bytes_read)} read, ${bytes(stats.bytes_stored)} stored`;
  const what = options.dryRun ? 'dry run, nothing is stored' : `snapshot ${snapshot.id.slice(0, 8)}`;
  print(`${what}: ${stats.files} files (${changes}), ${stored}, ${(stats.duration_ms / 1000).toFixed(1)} s`);
}

function asJson({ snapshot, stats }: BackupResult, options: BackupOptions) {
  const { tree, ...figures } = stats;
  return {
    snapshot_id: options.dryRun ? null : snapshot.id,
    parent: snapshot.parent,
    time: new Date(snapshot.started_ms).toISOString(),
    host: snapshot.host,
    source: snapshot.source,
    paths: snapshot.roots,
    tree,
    ...figures,
  };
}

/** A symlink is stored as one, here as everywhere below: who gave it for what it points to has to hear of it. */
function mustStand(root: string): void {
  try {
    if (!lstatSync(root).isSymbolicLink()) return;
  } catch (error) {
    throw usageError(`${root} cannot be backed up: ${systemCode(error)}`);
  }
  warn(`only the link: ${root} is a symlink; what it points to is not in this backup`);
}
