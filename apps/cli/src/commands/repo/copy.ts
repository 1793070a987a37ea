import { EXIT } from '@holdfast/contracts/errors';
import type { CopyRequest, CopyResult } from '@holdfast/repository/api';
import { type Command, Option } from 'commander';
import { abortOnInterrupt } from '../../abort-on-interrupt.ts';
import { bytes, count, print, printJson, warn } from '../../output/print.ts';
import { startProgressBar } from '../../output/progress-bar.ts';
import { usageError } from '../../output/report-error.ts';
import {
  type SecondRepoOptions,
  secondRepo,
  withRepoOptions,
  withRepository,
  withSecondRepoOptions,
} from './with-repository.ts';

interface CopyOptions extends SecondRepoOptions {
  host?: string;
  source?: string;
  compression: NonNullable<CopyRequest['compression']>;
}

/** `repo copy` */
export function registerCopy(repo: Command): void {
  const command = repo
    .command('copy')
    .argument('[ids...]', 'snapshots of the other repository; default: all');
  withRepoOptions(command.description('Copy snapshots from another repository into this one'));
  withSecondRepoOptions(command, 'where the snapshots are')
    .option('--host <name>', 'of this host only')
    .option('--source <name>', 'of this source only')
    .addOption(
      new Option('--compression <level>', 'how hard it is tried')
        .choices(['fast', 'default', 'high', 'max'])
        .default('default'),
    )
    .addHelpText(
      'after',
      `
Copies what this repository does not have yet, verified chunk by chunk; run again it goes on where it was cut short, and
copies nothing where nothing is new. Both repositories must name chunks in the same way:

  holdfast repo init --repo /mnt/second --password-file pass --from-repo /backups/repository
  holdfast repo copy --repo /mnt/second --password-file pass --from-repo /backups/repository

A snapshot that is damaged there is not copied, and named; exit code 3.`,
    )
    .action(copy);
}

async function copy(ids: string[], options: CopyOptions): Promise<void> {
  const from = secondRepo(options);
  if (from === undefined) throw usageError('from where? Give --from-repo.');
  const { host, source, compression } = options;
  const result = await withRepository(options, (destination) =>
    withRepository(from, async (origin) => {
      using signal = abortOnInterrupt();
      using bar = startProgressBar({ quiet: options.json === true });
      return await destination.copy_from(origin, {
        ...(ids.length > 0 && { snapshots: ids }),
        filter: { ...(host !== undefined && { host }), ...(source !== undefined && { source }) },
        compression,
        on_progress: (progress) => bar.update(progress),
        signal,
      });
    }),
  );
  if (options.json) printJson(asJson(result));
  else report(result);
  for (const { snapshot_id, reason } of result.failed) warn(`not copied: ${snapshot_id}: ${reason}`);
  if (result.failed.length > 0) process.exitCode = EXIT.partial;
}

function report(result: CopyResult): void {
  for (const { from, snapshot } of result.copied)
    print(`${from.slice(0, 8)} is ${snapshot.id.slice(0, 8)} here`);
  const stored = `${bytes(result.bytes_read)} read, ${bytes(result.bytes_stored)} stored`;
  print(
    `copied ${count(result.copied.length, 'snapshot')} (${result.there_before} were here before), ` +
      `${count(result.chunks, 'chunk')}, ${stored}, ${(result.duration_ms / 1000).toFixed(1)} s`,
  );
}

function asJson({ copied, ...figures }: CopyResult) {
  return {
    copied: copied.map(({ from, snapshot }) => ({ from_snapshot_id: from, snapshot_id: snapshot.id })),
    ...figures,
  };
}
