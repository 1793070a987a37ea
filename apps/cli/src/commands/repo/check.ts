import { HoldfastError } from '@holdfast/contracts/errors';
import type { CheckProblem } from '@holdfast/repository/api';
import type { Command } from 'commander';
import { print, printJson } from '../../output/print.ts';
import { type RepoOptions, withRepoOptions, withRepository } from './with-repository.ts';

/** `repo check` */
export function registerCheck(repo: Command): void {
  withRepoOptions(repo.command('check').description('Check that all that snapshots need is there'))
    .option('--read-data', 'read every byte')
    .action(check);
}

async function check(options: RepoOptions & { readData?: boolean }): Promise<void> {
  const problems: CheckProblem[] = [];
  const read_data = options.readData ?? false;
  await withRepository(options, async (repository) => {
    await repository.check({ read_data, on_problem: (problem) => problems.push(problem) });
  });
  if (options.json) printJson({ problems, read_data });
  else for (const problem of problems) describe(problem);
  if (problems.length > 0) throw new HoldfastError('repo_damaged', `${problems.length} objects are damaged`);
  if (!options.json) print(read_data ? 'every byte is as it was stored' : 'all that snapshots need is there');
}

function describe({ object, problem, reaches }: CheckProblem): void {
  print(`${object}: ${problem}`);
  for (const { snapshot_id, path } of reaches) print(`  reaches ${snapshot_id.slice(0, 8)}  ${path}`);
}
