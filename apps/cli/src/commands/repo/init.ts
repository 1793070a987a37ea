import { asHoldfastError } from '@holdfast/contracts/errors';
import { initRepository } from '@holdfast/repository/open';
import type { Command } from 'commander';
import { print, printJson } from '../../output/print.ts';
import { type RepoOptions, secretOf, storeOf, withRepoOptions } from './with-repository.ts';

/** `repo init` */
export function registerInit(repo: Command): void {
  withRepoOptions(repo.command('init').description('Make a repository in an empty place'))
    .option('--label <text>', 'a name for the key slot')
    .action(init);
}

async function init(options: RepoOptions & { label?: string }): Promise<void> {
  try {
    const store = storeOf(options);
    const secret = await secretOf(options);
    const label = options.label === undefined ? {} : { label: options.label };
    await using repository = await initRepository(store, secret, label);
    const { id, location } = repository;
    if (options.json) printJson({ repository_id: id, location });
    else print(`made repository ${id.slice(0, 8)} at ${location}`);
  } catch (error) {
    throw asHoldfastError(error);
  }
}
