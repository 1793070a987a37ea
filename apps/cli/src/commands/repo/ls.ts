import { resolve } from 'node:path';
import { HoldfastError } from '@holdfast/contracts/errors';
import type { Command } from 'commander';
import { printJson, printTable } from '../../output/print.ts';
import { ENTRY_HEAD, entryAsJson, entryAsRow } from './entry-output.ts';
import { type RepoOptions, withRepoOptions, withRepository } from './with-repository.ts';

/** `repo ls` */
export function registerLs(repo: Command): void {
  const command = repo
    .command('ls')
    .argument('[id]', 'a snapshot', 'latest')
    .argument('[path]', 'a stored folder');
  withRepoOptions(command.description('List what a snapshot holds')).action(ls);
}

async function ls(id: string, path: string | undefined, options: RepoOptions): Promise<void> {
  const entries = await withRepository(options, async (repository) => {
    const snapshot = await repository.snapshot(id);
    return Array.fromAsync(repository.entries(snapshot, path === undefined ? undefined : resolve('/', path)));
  });
  if (path !== undefined && entries.length === 0)
    throw new HoldfastError('not_found', `${path} is not in ${id}`);
  if (options.json) printJson(entries.map(entryAsJson));
  else printTable(ENTRY_HEAD, entries.map(entryAsRow));
}
