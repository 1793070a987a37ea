import { resolve } from 'node:path';
import { HoldfastError } from '@holdfast/contracts/errors';
import type { Entry, Repository } from '@holdfast/repository/api';
import type { Command } from 'commander';
import { printJsonArray, printLines } from '../../output/print-stream.ts';
import { entryAsJson, entryAsLine } from './entry-output.ts';
import { splitSnapshotPath } from './snapshot-path.ts';
import { type RepoOptions, withRepoOptions, withRepository } from './with-repository.ts';

interface LsOptions extends RepoOptions {
  long?: boolean;
}

/** `repo ls` */
export function registerLs(repo: Command): void {
  const command = repo
    .command('ls')
    .argument('[id]', 'ID, latest, ID:/path, or a path alone: that of the newest snapshot', 'latest')
    .argument('[path]', 'a stored file, or a folder: then all below it too');
  withRepoOptions(command.description('List what a snapshot holds'))
    .option('-l, --long', 'with kind, mode, owner, size and time')
    .action(ls);
}

async function ls(what: string, second: string | undefined, options: LsOptions): Promise<void> {
  const { id, path = second } = splitSnapshotPath(what);
  await withRepository(options, async (repository) => {
    const entries = listed(repository, { id, path });
    if (options.json) await printJsonArray(mapped(entries, entryAsJson));
    else await printLines(mapped(entries, options.long ? entryAsLine : ({ path: name }) => name));
  });
}

async function* listed(
  repository: Repository,
  { id, path }: { id: string; path: string | undefined },
): AsyncGenerator<Entry> {
  const snapshot = await repository.snapshot(id);
  let is_empty = true;
  for await (const entry of repository.entries(
    snapshot,
    path === undefined ? undefined : resolve('/', path),
  )) {
    is_empty = false;
    yield entry;
  }
  if (is_empty && path !== undefined) throw new HoldfastError('not_found', `${path} is not in ${id}`);
}

async function* mapped<Item, Result>(
  items: AsyncIterable<Item>,
  map: (item: Item) => Result,
): AsyncGenerator<Result> {
  for await (const item of items) yield map(item);
}
