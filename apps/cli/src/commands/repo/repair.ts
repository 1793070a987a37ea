import { asHoldfastError, HoldfastError } from '@holdfast/contracts/errors';
import type { RepairResult, Repository } from '@holdfast/repository/api';
import { rebuildConfig } from '@holdfast/repository/open';
import type { Command } from 'commander';
import { abortOnInterrupt } from '../../abort-on-interrupt.ts';
import { bytes, count, print, printJson } from '../../output/print.ts';
import { startProgressBar } from '../../output/progress-bar.ts';
import { usageError } from '../../output/report-error.ts';
import { describeProblem } from './check.ts';
import {
  type SecondRepoOptions,
  secondRepo,
  secretOf,
  storeOf,
  withRepoOptions,
  withRepository,
  withSecondRepoOptions,
} from './with-repository.ts';

interface RepairOptions extends SecondRepoOptions {
  live?: boolean;
  dryRun?: boolean;
  forgetBroken?: boolean;
  configOf?: string;
}

/** `repo repair` */
export function registerRepair(repo: Command): void {
  const command = withRepoOptions(repo.command('repair').description('Mend what can be mended'));
  withSecondRepoOptions(command, 'a copy, which what is lost here is taken from')
    .option('--live', 'also from the files themselves, where they still have the same content')
    .option('--dry-run', 'say what would be done, change nothing')
    .option('--config-of <id>', 'make the lost config again, of the repository with this id (a kit names it)')
    .option('--forget-broken', 'forget snapshots that cannot be read and are nowhere else')
    .addHelpText(
      'after',
      `
Reads every byte. Packs that no index names are indexed again from their own footers. Chunks that cannot be read are
looked for in other packs, in the second repository (\`repo copy\` makes one) and, with --live, in the files; what is found
is stored in new packs, with all that is sound in damaged ones, and only then are these put out of use. What is nowhere is
named with the files that it reaches, and left where it is; exit code 7. It can be stopped and run again at any time.
Backups may run meanwhile, and a prune too: what that is about to delete is stored again. One that began before the damage
was known may still take away a second copy of what is damaged, though: better let it end first.

  holdfast repo repair --repo /backups/repository --password-file pass --dry-run
  holdfast repo repair --repo /backups/repository --password-file pass --from-repo /mnt/second --live`,
    )
    .action(repair);
}

async function repair(options: RepairOptions): Promise<void> {
  if (options.configOf !== undefined) await remakeConfig(options, options.configOf);
  const from = secondRepo(options);
  const result = await withRepository(options, (repository) =>
    from === undefined
      ? run(repository, undefined, options)
      : withRepository(from, (second) => run(repository, second, options)),
  );
  if (options.json) printJson(result);
  else report(result, options.dryRun === true);
  const { length } = result.problems;
  if (length > 0) {
    throw new HoldfastError('repo_damaged', `${count(length, 'object')} could not be mended`);
  }
}

async function remakeConfig(options: RepairOptions, id: string): Promise<void> {
  if (!/^[0-9a-f]{32}$/.test(id)) throw usageError(`--config-of ${id}: an id has 32 hex digits`);
  if (options.dryRun) return;
  try {
    await rebuildConfig(storeOf(options), await secretOf(options), id);
  } catch (error) {
    throw asHoldfastError(error);
  }
}

async function run(
  repository: Repository,
  from: Repository | undefined,
  options: RepairOptions,
): Promise<RepairResult> {
  using signal = abortOnInterrupt();
  using bar = startProgressBar({ quiet: options.json === true, noun: 'packs' });
  return await repository.repair({
    ...(from !== undefined && { from }),
    live: options.live === true,
    dry_run: options.dryRun === true,
    forget_broken: options.forgetBroken === true,
    on_progress: (progress) => bar.update(progress),
    signal,
  });
}

function report(result: RepairResult, is_dry: boolean): void {
  const lines = [
    [result.deletion_mended.length, 'marks, tombstones and pending objects replaced'],
    [result.packs_indexed.length, 'packs indexed again'],
    [result.chunks_from_second, 'chunks taken from the second repository'],
    [result.chunks_from_live, 'chunks taken from live files'],
    [result.chunks_salvaged, 'sound chunks taken out of damaged packs'],
    [result.packs_taken_out.length, 'damaged or missing packs put out of use'],
    [result.indexes_removed.length, 'index objects replaced'],
    [result.snapshots_restored.length, 'snapshots brought back'],
    [result.snapshots_forgotten.length, 'snapshots forgotten'],
  ] as const;
  const done = lines.filter(([number]) => number > 0);
  if (is_dry) print('dry run, nothing is changed:');
  for (const [number, what] of done) print(`${String(number).padStart(8)}  ${what}`);
  for (const { lost, snapshot_id } of result.snapshots_restored) {
    if (snapshot_id !== null) print(`          ${lost.slice(0, 8)} is ${snapshot_id.slice(0, 8)} now`);
  }
  for (const problem of result.problems) describeProblem(problem);
  if (done.length === 0 && result.problems.length === 0) print('there is nothing to mend');
  else if (!is_dry)
    print(`${bytes(result.bytes_stored)} stored; \`holdfast repo check --read-data\` shows what it is now`);
}
