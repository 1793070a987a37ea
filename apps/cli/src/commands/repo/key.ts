import type { Command } from 'commander';
import { localTime, print, printJson, printTable } from '../../output/print.ts';
import { type RepoOptions, readSecret, withRepoOptions, withRepository } from './with-repository.ts';

/** `repo key list|add|remove` */
export function registerKey(repo: Command): void {
  const key = repo.command('key').description('The slots that open a repository');
  withRepoOptions(key.command('list').description('List the key slots')).action(list);
  withRepoOptions(key.command('add').description('Add a passphrase or a key file'))
    .requiredOption('--new-password-file <file>', 'holds the new passphrase, or is a key file')
    .option('--label <text>', 'a name for people', '')
    .action(add);
  const remove_command = key.command('remove').argument('<id>', 'a slot, not the one that opens it now');
  withRepoOptions(remove_command.description('Remove a key slot')).action(remove);
}

async function list(options: RepoOptions): Promise<void> {
  const slots = await withRepository(options, (repository) => repository.keys.list());
  if (options.json) {
    printJson(slots);
    return;
  }
  const rows = slots.map(({ id, kind, label, created, in_use }) => [
    id.slice(0, 8),
    kind,
    label,
    localTime(created),
    in_use ? 'in use' : '',
  ]);
  printTable(['id', 'kind', 'label', 'created', ''], rows);
}

async function add(options: RepoOptions & { newPasswordFile: string; label: string }): Promise<void> {
  const secret = await readSecret(options.newPasswordFile);
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
