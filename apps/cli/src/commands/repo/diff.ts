import type { Difference, Entry } from '@holdfast/repository/api';
import { type Change, changeOf } from '@holdfast/repository/tree/change-of';
import type { Command } from 'commander';
import { bytes, count, print, printJson } from '../../output/print.ts';
import { entryAsJson } from './entry-output.ts';
import { type RepoOptions, withRepoOptions, withRepository } from './with-repository.ts';

const SIGN: Record<Change, string> = { added: '+', removed: '-', changed: 'M', type: 'T', metadata: 'U' };

interface DiffOptions extends RepoOptions {
  metadata?: boolean;
}

/** `repo diff` */
export function registerDiff(repo: Command): void {
  const command = repo.command('diff').argument('<before>', 'a snapshot').argument('<after>', 'another');
  withRepoOptions(
    command.description(
      'What differs: + added, - removed, M changed, T of another kind, U only its metadata',
    ),
  )
    .option('--metadata', 'also where only mode, owner or time differ')
    .action(diff);
}

async function diff(before: string, after: string, options: DiffOptions): Promise<void> {
  const differences = await withRepository(options, async (repository) => {
    const [old_one, new_one] = [await repository.snapshot(before), await repository.snapshot(after)];
    return Array.fromAsync(repository.diff(old_one, new_one));
  });
  if (options.json) {
    printJson(differences.map(asJson));
    return;
  }
  for (const difference of differences) {
    const change = changeOf(difference);
    if (change !== 'metadata' || options.metadata) print(`${SIGN[change]}  ${difference.path}`);
  }
  print(summaryOf(differences));
}

/** `2 files added (1.4 MiB), 1 removed (12 B), 3 changed; 4 only in their metadata` */
function summaryOf(differences: readonly Difference[]): string {
  const of = (change: Change) => differences.filter((difference) => changeOf(difference) === change);
  const added = of('added').flatMap(({ after }) => after ?? []);
  const removed = of('removed').flatMap(({ before }) => before ?? []);
  const changed = of('changed').length + of('type').length;
  const parts = [
    `${count(filesIn(added), 'file')} added (${bytes(sizeOf(added))})`,
    `${filesIn(removed)} removed (${bytes(sizeOf(removed))})`,
    `${changed} changed`,
  ];
  return `${parts.join(', ')}; ${of('metadata').length} only in their metadata`;
}

const filesIn = (entries: readonly Entry[]) => entries.filter(({ kind }) => kind === 'file').length;
const sizeOf = (entries: readonly Entry[]) => entries.reduce((sum, { size }) => sum + size, 0);

function asJson(difference: Difference) {
  const { path, before, after } = difference;
  return {
    path,
    change: changeOf(difference),
    before: before === undefined ? null : entryAsJson(before),
    after: after === undefined ? null : entryAsJson(after),
  };
}
