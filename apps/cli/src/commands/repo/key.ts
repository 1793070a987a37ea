import type { Command } from 'commander';
import { localTime, print, printJson, printTable } from '../../output/print.ts';
import { usageError } from '../../output/report-error.ts';
import { registerKeyKit } from './key-kit.ts';
import { type RepoOptions, readSecret, withRepoOptions, withRepository } from './with-repository.ts';

/** `repo key list|add|remove|passwd|kit|confirm` */
export function registerKey(repo: Command): void {
  const key = repo
    .command('key')
    .description('The slots that open a repository: passphrases, key files, recovery kits');
  withRepoOptions(key.command('list').description('List the key slots')).action(list);
  withRepoOptions(key.command('add').description('Add a passphrase or a key file; no data is rewritten'))
    .requiredOption('--new-password-file <file>', 'holds the new passphrase, or is a key file')
    .option('--label <text>', 'a name for people', '')
    .action(add);
  const remove_command = key.command('remove').argument('<id>', 'a slot, not the one that opens it now');
  withRepoOptions(remove_command.description('Remove a key slot; the last one and the one in use stay'))
    .addHelpText(
      'after',
      `
What was opened with a slot before may have been copied: whoever had it keeps what he has read.`,
    )
    .action(remove);
  withRepoOptions(key.command('passwd').description('Change the passphrase that opens the repository now'))
    .requiredOption('--new-password-file <file>', 'holds the new passphrase')
    .addHelpText(
      'after',
      `
The new slot is stored and opened before the old one is removed: if this is cut short, both passphrases open the
repository. No data is rewritten.

  holdfast repo key passwd --repo /backups/repository --password-file old --new-password-file new`,
    )
    .action(passwd);
  registerKeyKit(key);
}

async function list(options: RepoOptions): Promise<void> {
  const slots = await withRepository(options, (repository) => repository.keys.list());
  if (options.json) {
    printJson(slots);
    return;
  }
  const rows = slots.map((slot) => [
    slot.id.slice(0, 8),
    slot.purpose === 'recovery_kit' ? 'recovery kit' : slot.kind.replace('_', ' '),
    slot.label,
    localTime(slot.created),
    [
      ...(slot.in_use ? ['in use'] : []),
      ...(slot.purpose === null ? [] : [confirmation(slot.confirmed)]),
    ].join(', '),
  ]);
  printTable(['id', 'kind', 'label', 'created', ''], rows);
}

function confirmation(confirmed: string | null): string {
  return confirmed === null ? 'not confirmed' : `confirmed ${localTime(confirmed)}`;
}

async function add(options: RepoOptions & { newPasswordFile: string; label: string }): Promise<void> {
  const secret = await readSecret(options.newPasswordFile, '--new-password-file');
  const id = await withRepository(options, (repository) =>
    repository.keys.add({ secret, label: options.label }),
  );
  if (options.json) printJson({ id });
  else print(`added key slot ${id.slice(0, 8)}`);
}

async function remove(id: string, options: RepoOptions): Promise<void> {
  await withRepository(options, (repository) => repository.keys.remove(id));
  if (options.json) printJson({ removed: id });
  else print(`removed key slot ${id}`);
}

async function passwd(options: RepoOptions & { newPasswordFile: string }): Promise<void> {
  const secret = await readSecret(options.newPasswordFile, '--new-password-file');
  if (!('password' in secret))
    throw usageError('--new-password-file: a passphrase is wanted, not a key file');
  const id = await withRepository(options, (repository) => repository.keys.changePassword(secret));
  if (options.json) printJson({ id });
  else print(`the passphrase is changed: key slot ${id.slice(0, 8)}`);
}
