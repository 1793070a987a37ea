import { HoldfastError } from '@holdfast/contracts/errors';
import type { Entry, Repository, Snapshot } from '@holdfast/repository/api';
import { literalPaths } from '@holdfast/repository/literal-paths';
import { createPathMatcher } from '@holdfast/repository/path-filter';
import type { Command } from 'commander';
import { printJson, printTable } from '../../output/print.ts';
import { ENTRY_HEAD, entryAsJson, entryAsRow } from './entry-output.ts';
import { type RepoOptions, withRepoOptions, withRepository } from './with-repository.ts';

/** `repo find` */
export function registerFind(repo: Command): void {
  const command = repo
    .command('find')
    .argument(
      '<pattern>',
      "a glob ('*.json' at any depth, '/srv/*/x'), or a whole path: then all its versions",
    );
  withRepoOptions(command.description('Find files in all snapshots'))
    .option('--snapshot <id>', 'in this one only')
    .action(find);
}

interface Found {
  readonly snapshot: Snapshot;
  readonly entry: Entry;
}

async function find(pattern: string, options: RepoOptions & { snapshot?: string }): Promise<void> {
  const found = await withRepository(options, async (repository) => {
    const is_path = pattern.startsWith('/') && !/[*?[\]{}]/.test(pattern);
    if (is_path && options.snapshot === undefined) return Array.fromAsync(repository.versions(pattern));
    return search(repository, pattern, options.snapshot);
  });
  if (found.length === 0) throw new HoldfastError('not_found', `nothing matches ${pattern}`);
  if (options.json) {
    printJson(found.map(({ snapshot, entry }) => ({ snapshot_id: snapshot.id, ...entryAsJson(entry) })));
  } else {
    const rows = found.map(({ snapshot, entry }) => [snapshot.id.slice(0, 8), ...entryAsRow(entry)]);
    printTable(['snapshot', ...ENTRY_HEAD], rows);
  }
}

async function search(repository: Repository, pattern: string, id: string | undefined): Promise<Found[]> {
  const snapshots = id === undefined ? await repository.snapshots() : [await repository.snapshot(id)];
  const matches = createPathMatcher([pattern]);
  const [under] = literalPaths([pattern]) ?? [];
  const found: Found[] = [];
  for (const snapshot of snapshots) {
    for await (const entry of repository.entries(snapshot, under)) {
      if (matches(entry.path)) found.push({ snapshot, entry });
    }
  }
  return found;
}
