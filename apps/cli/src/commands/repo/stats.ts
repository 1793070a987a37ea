import type { ChunkFigures, RepositoryStats } from '@holdfast/repository/api';
import type { Command } from 'commander';
import { bytes, print, printJson, printTable } from '../../output/print.ts';
import { type RepoOptions, withRepoOptions, withRepository } from './with-repository.ts';

/** `repo stats` */
export function registerStats(repo: Command): void {
  const command = repo
    .command('stats')
    .argument('[id]', 'of this snapshot (or latest), and what it alone needs');
  withRepoOptions(command.description('What the repository holds, and what it takes'))
    .addHelpText(
      'after',
      `
deduplication is what all snapshots would take restored, over their distinct content; compression is that content over
what it takes in packs. Waste is what no snapshot needs: \`repo forget\` makes it, \`repo prune\` frees it.

  holdfast repo stats --repo /backups/repository
  holdfast repo stats latest --json`,
    )
    .action(stats);
}

async function stats(id: string | undefined, options: RepoOptions): Promise<void> {
  const { found, snapshot_id, repository_id } = await withRepository(options, async (repository) => {
    const snapshot = id === undefined ? undefined : await repository.snapshot(id);
    const found = await repository.stats(snapshot);
    return { found, snapshot_id: snapshot?.id ?? null, repository_id: repository.id };
  });
  const ratios = ratiosOf(found);
  if (options.json) {
    printJson({ repository_id, snapshot_id, ...found, ...ratios });
    return;
  }
  const whole: ChunkFigures[] = [found.content, found.trees];
  print(`${found.snapshots} snapshots, ${found.files} files, ${bytes(found.bytes)} if all were restored`);
  printTable(
    ['', 'chunks', 'bytes', 'stored'],
    [
      row('content of files', found.content),
      row('trees', found.trees),
      row('both', sum(whole)),
      ...(found.only_here === undefined ? [] : [row('needed by this snapshot alone', found.only_here)]),
    ],
  );
  print(`deduplication ${times(ratios.dedup_ratio)}, compression ${times(ratios.compression_ratio)}`);
  const { stored } = found;
  print(
    `repository ${repository_id}: ${bytes(stored.pack_bytes)} in ${stored.packs} packs (${stored.blocks} blocks, ${stored.chunks} chunks), ` +
      `${bytes(stored.index_bytes)} of index; ${bytes(stored.waste_bytes)} (${(ratios.waste_ratio * 100).toFixed(1)} %) of waste` +
      (stored.unindexed_bytes > 0 ? `, ${bytes(stored.unindexed_bytes)} that no index names` : ''),
  );
}

function ratiosOf({ bytes: restored, content, stored }: RepositoryStats) {
  const ratio = (one: number, other: number) => (other === 0 ? 0 : Number((one / other).toFixed(3)));
  return {
    dedup_ratio: ratio(restored, content.bytes),
    compression_ratio: ratio(content.bytes, content.bytes_stored),
    waste_ratio: ratio(stored.waste_bytes, stored.pack_bytes),
  };
}

function sum(figures: readonly ChunkFigures[]): ChunkFigures {
  const of = (field: keyof ChunkFigures) => figures.reduce((total, one) => total + one[field], 0);
  return { chunks: of('chunks'), bytes: of('bytes'), bytes_stored: of('bytes_stored') };
}

function row(name: string, figures: ChunkFigures): (string | number)[] {
  return [name, figures.chunks, bytes(figures.bytes), bytes(figures.bytes_stored)];
}

function times(ratio: number): string {
  return `${ratio.toFixed(2)} ×`;
}
