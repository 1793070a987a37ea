import type { Difference } from '@holdfast/repository/api';
import type { Command } from 'commander';
import { print, printJson } from '../../output/print.ts';
import { entryAsJson } from './entry-output.ts';
import { type RepoOptions, withRepoOptions, withRepository } from './with-repository.ts';

const SIGN = { added: '+', removed: '-', changed: 'M', metadata: 'm' };

/** `repo diff` */
export function registerDiff(repo: Command): void {
  const command = repo.command('diff').argument('<before>', 'a snapshot').argument('<after>', 'another');
  withRepoOptions(
    command.description('What differs: + added, - removed, M changed, m only its metadata'),
  ).action(diff);
}

async function diff(before: string, after: string, options: RepoOptions): Promise<void> {
  const differences = await withRepository(options, async (repository) => {
    const [old_one, new_one] = [await repository.snapshot(before), await repository.snapshot(after)];
    return Array.fromAsync(repository.diff(old_one, new_one));
  });
  if (options.json) printJson(differences.map(asJson));
  else for (const difference of differences) print(`${SIGN[changeOf(difference)]}  ${difference.path}`);
}

function changeOf({ before, after }: Difference): keyof typeof SIGN {
  if (before === undefined) return 'added';
  if (after === undefined) return 'removed';
  const is_same =
    before.kind === after.kind && before.checksum === after.checksum && before.target === after.target;
  return is_same ? 'metadata' : 'changed';
}

function asJson(difference: Difference) {
  const { path, before, after } = difference;
  return {
    path,
    change: changeOf(difference),
    before: before === undefined ? null : entryAsJson(before),
    after: after === undefined ? null : entryAsJson(after),
  };
}
