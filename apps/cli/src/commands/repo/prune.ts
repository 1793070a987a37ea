import { DurationMs } from '@holdfast/contracts/durations';
import { EXIT } from '@holdfast/contracts/errors';
import type { Repository } from '@holdfast/repository/api';
import type { PruneResult } from '@holdfast/repository/maintain/prune';
import type { Command } from 'commander';
import { abortOnInterrupt } from '../../abort-on-interrupt.ts';
import { bytes, count, print, printJson, warn } from '../../output/print.ts';
import { startProgressBar } from '../../output/progress-bar.ts';
import { usageError } from '../../output/report-error.ts';
import { type RepoOptions, withRepoOptions, withRepository } from './with-repository.ts';

/** What `prune` and `forget --prune` have in common. */
export interface PruneCommandOptions extends RepoOptions {
  dryRun?: boolean;
  maxUnused?: string;
  revokeAfter?: string;
}

const HELP = `
Other hosts may back up, restore and prune meanwhile: nothing is locked. Space that a snapshot or a running backup needs
is never freed. On a full disk it frees what can go as it is, with space that the repository keeps for that; where packs
would have to be rewritten first it ends with 3: run it again. A backup that has been silent for --revoke-after is taken for dead; if it lives, it starts over.`;

/** `repo prune` */
export function registerPrune(repo: Command): void {
  const command = withRepoOptions(repo.command('prune').description('Free the space that no snapshot needs'));
  withPruneOptions(command)
    .addHelpText('after', HELP)
    .action(async (options: PruneCommandOptions) => {
      const result = await withRepository(options, (repository) => pruneAndReport(repository, options));
      if (options.json) printJson(result);
    });
}

export function withPruneOptions(command: Command): Command {
  return command
    .option('--dry-run', 'say what would be done, and do nothing')
    .option('--max-unused <percent>', 'waste that is not worth the work', '10%')
    .option('--revoke-after <time>', 'how long a backup may be silent', '1 day');
}

/** Prunes, and says so to people; what was done, for `--json`. */
export async function pruneAndReport(
  repository: Repository,
  options: PruneCommandOptions,
): Promise<PruneResult & { dry_run: boolean }> {
  using signal = abortOnInterrupt();
  using bar = startProgressBar({ quiet: options.json === true });
  const dry_run = options.dryRun ?? false;
  const result = await repository.prune({
    dry_run,
    limits: { waste_max: shareOf(options.maxUnused ?? '10%') },
    revoke_after_ms: durationOf(options.revokeAfter ?? '1 day'),
    on_progress: ({ packs_done, bytes_done, bytes_total }) =>
      bar.update({ files_done: packs_done, bytes_done, bytes_total }),
    signal,
  });
  if (!options.json) report(result, dry_run);
  if (result.packs_left !== undefined) process.exitCode = EXIT.partial;
  if (result.damaged.length > 0) process.exitCode = EXIT.integrity;
  return { ...result, dry_run };
}

function report(result: PruneResult, dry_run: boolean): void {
  const would = dry_run ? 'would be ' : '';
  print(
    `${count(result.packs, 'pack')}, ${bytes(result.bytes)}, of which nobody needs ${bytes(result.bytes_wasted)}`,
  );
  print(
    `${count(result.packs_removed, 'pack')} ${would}removed, ${result.packs_rewritten} ${would}rewritten` +
      (dry_run ? '' : `: ${bytes(result.bytes_removed - result.bytes_written)} freed`),
  );
  if (result.writers_revoked > 0) print(`${count(result.writers_revoked, 'dead backup')} cleared away`);
  if (result.packs_left !== undefined) {
    warn(
      `not rewritten, for want of space: ${count(result.packs_left, 'pack')}; run prune again, now that there is more`,
    );
  }
  for (const pack of result.damaged) {
    warn(`left as it is, since it cannot be read whole: pack ${pack}; see repo check`);
  }
}

function shareOf(given: string): number {
  const [, percent] = /^(\d{1,3}(?:\.\d+)?)%?$/.exec(given) ?? [];
  if (percent === undefined || Number(percent) > 100)
    throw usageError(`--max-unused ${given}: a percentage, as 10%`);
  return Number(percent) / 100;
}

function durationOf(given: string): number {
  const parsed = DurationMs.safeParse(given);
  if (!parsed.success) throw usageError(`--revoke-after: ${parsed.error.issues[0]?.message}`);
  return parsed.data;
}
