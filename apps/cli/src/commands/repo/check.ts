import { HoldfastError } from '@holdfast/contracts/errors';
import type { CheckProblem, PackSubset, Reach } from '@holdfast/repository/api';
import type { Command } from 'commander';
import { abortOnInterrupt } from '../../abort-on-interrupt.ts';
import { count, print, printJson } from '../../output/print.ts';
import { startProgressBar } from '../../output/progress-bar.ts';
import { usageError } from '../../output/report-error.ts';
import { type RepoOptions, withRepoOptions, withRepository } from './with-repository.ts';

interface CheckOptions extends RepoOptions {
  readData?: boolean;
  readDataSubset?: string;
}

/** People see so many lines for each damaged object. */
const REACHES_SHOWN = 20;

/** `repo check` */
export function registerCheck(repo: Command): void {
  withRepoOptions(repo.command('check').description('Check that all that snapshots need is there'))
    .option('--read-data', 'read every byte, and compare it with what was stored')
    .option('--read-data-subset <part>', '3/10: the third tenth of the packs; 5%: so many, chosen by chance')
    .addHelpText(
      'after',
      `
Without --read-data the structure is checked: every snapshot, tree and key is read, and every pack that they need stands
with its size. Each damaged object is named with every snapshot and file that it reaches; exit code 7. One that no
snapshot needs, because all of it is to be had elsewhere, is said to be not needed: \`repo repair\` takes it out.

  holdfast repo check --repo /backups/repository
  holdfast repo check --read-data-subset 1/7     on Monday, 2/7 on Tuesday …: every byte once a week`,
    )
    .action(check);
}

async function check(options: CheckOptions): Promise<void> {
  const problems: CheckProblem[] = [];
  const subset = options.readDataSubset === undefined ? undefined : parseSubset(options.readDataSubset);
  const read_data = options.readData === true || subset !== undefined;
  await withRepository(options, async (repository) => {
    using signal = abortOnInterrupt();
    using bar = startProgressBar({ quiet: options.json === true, noun: 'packs' });
    await repository.check({
      read_data,
      ...(subset !== undefined && { subset }),
      on_problem: (problem) => problems.push(problem),
      on_progress: (progress) => bar.update(progress),
      signal,
    });
  });
  if (options.json) printJson({ problems, read_data });
  else for (const problem of problems) describeProblem(problem);
  if (problems.length > 0) throw new HoldfastError('repo_damaged', verdict(problems));
  if (options.json) return;
  if (subset !== undefined) print('every byte that was read is as it was stored');
  else print(read_data ? 'every byte is as it was stored' : 'all that snapshots need is there');
}

/** `3/10` or `5%` */
function parseSubset(text: string): PackSubset {
  const [, part, of] = /^(\d{1,4})\/(\d{1,4})$/.exec(text) ?? [];
  if (Number(part) >= 1 && Number(part) <= Number(of)) return { part: Number(part), of: Number(of) };
  const [, percent] = /^(\d{1,3}(?:\.\d+)?)%$/.exec(text) ?? [];
  if (Number(percent) > 0 && Number(percent) <= 100) return { percent: Number(percent) };
  throw usageError(`--read-data-subset ${text}: 3/10 (the third tenth) or 5% is wanted`);
}

function verdict(problems: readonly CheckProblem[]): string {
  const harmless = problems.filter((problem) => problem.harmless).length;
  const what = `${count(problems.length, 'object')} of the repository ${problems.length === 1 ? 'is' : 'are'} damaged`;
  return harmless === 0 ? what : `${what}, ${harmless} of them not needed by any snapshot`;
}

/** A damaged object and what it reaches, for people. */
export function describeProblem({ object, problem, reaches, reaches_count, harmless }: CheckProblem): void {
  print(`${object}: ${problem}${harmless ? ' (not needed: no snapshot loses anything by it)' : ''}`);
  for (const reach of reaches.slice(0, REACHES_SHOWN)) print(`  reaches ${describeReach(reach)}`);
  const more = reaches_count - REACHES_SHOWN;
  if (more > 0) print(`  … and ${more} more (--json names them)`);
}

function describeReach({ snapshot_id, path, until }: Reach): string {
  const id = snapshot_id.slice(0, 8);
  if (until === undefined) return `${id}  ${path}`;
  if (until === null) return path === '/' ? `${id}  all of it` : `${id}  from ${path} to the end`;
  return `${id}  from ${path} up to ${until}`;
}
