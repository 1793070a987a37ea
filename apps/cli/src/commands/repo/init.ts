import { asHoldfastError } from '@holdfast/contracts/errors';
import { initRepository } from '@holdfast/repository/open';
import type { Command } from 'commander';
import { print, printJson } from '../../output/print.ts';
import {
  type SecondRepoOptions,
  secondRepo,
  secretOf,
  storeOf,
  withRepoOptions,
  withSecondRepoOptions,
} from './with-repository.ts';

/** `repo init` */
export function registerInit(repo: Command): void {
  const command = withRepoOptions(repo.command('init').description('Make a repository in an empty place'));
  withSecondRepoOptions(
    command,
    'names chunks as this repository does, so that `repo copy` works between the two',
  )
    .option('--label <text>', 'a name for the key slot')
    .addHelpText(
      'after',
      `
  holdfast repo init --repo /backups/repository --password-file pass
  holdfast repo init --repo /mnt/second --password-file pass-2 --from-repo /backups/repository --from-password-file pass

Lose the passphrase and all is lost: print a recovery kit (\`repo key kit\`).`,
    )
    .action(init);
}

async function init(options: SecondRepoOptions & { label?: string }): Promise<void> {
  try {
    const store = storeOf(options);
    const secret = await secretOf(options);
    const label = options.label === undefined ? {} : { label: options.label };
    const from = secondRepo(options);
    const ids_of =
      from === undefined ? {} : { ids_of: { store: storeOf(from), secret: await secretOf(from) } };
    await using repository = await initRepository(store, secret, { ...label, ...ids_of });
    const { id, location } = repository;
    if (options.json) printJson({ repository_id: id, location });
    else print(`made repository ${id.slice(0, 8)} at ${location}`);
  } catch (error) {
    throw asHoldfastError(error);
  }
}
