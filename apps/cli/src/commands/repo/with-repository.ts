import { existsSync, mkdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import { asHoldfastError, systemCode } from '@holdfast/contracts/errors';
import type { Repository } from '@holdfast/repository/api';
import { decodeKit, isKit } from '@holdfast/repository/crypto/recovery-kit';
import { openRepository, type Secret } from '@holdfast/repository/open';
import { readKeyFile } from '@holdfast/repository/repository-key';
import type { BlobStore } from '@holdfast/storage/blob-store';
import { openBlobStore } from '@holdfast/storage/open-blob-store';
import { type Command, Option } from 'commander';
import { usageError } from '../../output/report-error.ts';

/** Options of every verb of `repo`. */
export interface RepoOptions {
  repo?: string;
  passwordFile?: string;
  json?: boolean;
}

/** Gives a command the options that say which repository, and how it is opened. */
export function withRepoOptions(command: Command): Command {
  return command
    .addOption(new Option('--repo <url>', 'a folder').env('HOLDFAST_REPO'))
    .addOption(
      new Option(
        '--password-file <file>',
        'holds the passphrase, or is a key file or a typed recovery kit',
      ).env('HOLDFAST_PASSWORD_FILE'),
    )
    .option('--json', 'one JSON document on stdout');
}

/**
 * Opens the repository for as long as `work` runs; the engine's errors come out as those of the catalogue. `preload` is
 * code that the work will need: it is loaded while a passphrase is stretched.
 */
export async function withRepository<Result>(
  options: RepoOptions,
  work: (repository: Repository) => Promise<Result>,
  given: { secret?: Secret; preload?: () => Promise<unknown> } = {},
): Promise<Result> {
  try {
    const cache_dir = cacheDir();
    const cache = cache_dir === undefined ? {} : { cache_dir };
    const { secret = await secretOf(options), preload } = given;
    const [opened] = await Promise.all([openRepository(storeOf(options), secret, cache), preload?.()]);
    await using repository = opened;
    return await work(repository);
  } catch (error) {
    throw asHoldfastError(error);
  }
}

/** Gives a command the options that say which other repository is read. */
export function withSecondRepoOptions(command: Command, what: string): Command {
  return command
    .addOption(new Option('--from-repo <url>', what).env('HOLDFAST_FROM_REPO'))
    .addOption(
      new Option('--from-password-file <file>', 'what opens that one; default: as the first').env(
        'HOLDFAST_FROM_PASSWORD_FILE',
      ),
    );
}

/** Options of verbs that read a second repository. */
export interface SecondRepoOptions extends RepoOptions {
  fromRepo?: string;
  fromPasswordFile?: string;
}

/** The options that open the second repository as if it were the first; undefined where none is named. */
export function secondRepo(options: SecondRepoOptions): RepoOptions | undefined {
  if (options.fromRepo === undefined) return undefined;
  const beside = existsSync(`${resolve(options.fromRepo)}.key`);
  const passwordFile = options.fromPasswordFile ?? (beside ? undefined : options.passwordFile);
  return { repo: options.fromRepo, ...(passwordFile !== undefined && { passwordFile }) };
}

/** The store that `--repo` names. */
export function storeOf(options: RepoOptions): BlobStore {
  if (options.repo === undefined) throw usageError('which repository? Give --repo, a folder.');
  try {
    return openBlobStore(options.repo);
  } catch (error) {
    throw usageError(`--repo ${options.repo}: ${Error.isError(error) ? error.message : String(error)}`);
  }
}

/** What opens it: the file that is named, or the key file that a running system keeps beside its repository. */
export async function secretOf(options: RepoOptions): Promise<Secret> {
  const beside = options.repo === undefined ? undefined : `${resolve(options.repo)}.key`;
  if (options.passwordFile !== undefined) return readSecret(options.passwordFile);
  if (beside !== undefined && existsSync(beside)) return { key_file_bytes: await readKeyFile(beside) };
  throw usageError('how is it opened? Give --password-file.');
}

/** A key file, a typed recovery kit, or a passphrase on the first line. */
export async function readSecret(file: string, option = '--password-file'): Promise<Secret> {
  const text = await readText(option, file);
  try {
    if (text.startsWith('holdfast-key-1 ')) return { key_file_bytes: await readKeyFile(file) };
    if (isKit(text)) return { key_file_bytes: decodeKit(text) };
  } catch (error) {
    throw asHoldfastError(error);
  }
  const password = text.split(/\r?\n/, 1)[0] ?? '';
  if (password === '') throw usageError(`${option} ${file}: its first line is empty`);
  return { password };
}

/** The text of a file that an option names. */
export async function readText(option: string, file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw usageError(`${option} ${file}: ${systemCode(error) ?? String(error)}`);
  }
}

/** Ours alone, also where the repository belongs to a service. Undefined where there is no home to keep it in. */
export function cacheDir(): string | undefined {
  // A relative one, or an empty one, counts as none (XDG Base Directory): it would be a cache wherever one happens to be.
  const given = process.env['XDG_CACHE_HOME'] ?? '';
  const folder = join(isAbsolute(given) ? given : join(homedir(), '.cache'), 'holdfast');
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    return folder;
  } catch {
    // The engine then uses a temporary one: slower, and nothing else.
    return undefined;
  }
}
