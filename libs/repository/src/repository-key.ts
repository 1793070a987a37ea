import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { link, mkdir, open, readFile, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { BlobStore } from '@holdfast/storage/blob-store';
import { openBlobStore } from '@holdfast/storage/open-blob-store';
import type { Repository } from './api.ts';
import { isRepositoryError, RepositoryError, systemCode } from './errors.ts';
import { initRepository, lostConfigAt, openRepository } from './open.ts';
import { readConfig } from './repository-config.ts';

/** `holdfast-key-1 ` and 64 hex digits: what tells a key file from any other. */
const KEY_FILE = /^holdfast-key-1 ([0-9a-f]{64})\n?$/;

export interface LocalRepository {
  /** Folder or URL. */
  readonly location: string;
  readonly key_file: string;
  /** Default: beside a folder, `<location>.cache`. */
  readonly cache_dir?: string;
  /** Where it is to be made: it names chunks as the first of these that is there, and that the key opens, does. */
  readonly ids_of?: readonly string[];
}

/** The repository of a running system: opened with its key file, or made with a new one at the first start. */
export async function openOrCreate(local: LocalRepository): Promise<Repository> {
  const store = openBlobStore(local.location);
  const options = { cache_dir: local.cache_dir ?? `${local.location}.cache` };
  const key_file_bytes = await readOrMakeKeyFile(local.key_file);
  try {
    return await openRepository(store, { key_file_bytes }, options);
  } catch (error) {
    if (!isRepositoryError(error, 'repo_not_found')) throw error;
  }
  try {
    return await makeRepository(store, { key_file_bytes }, { ...local, ...options });
  } catch (error) {
    // Another service of the same system was faster.
    if (!isRepositoryError(error, 'repo_exists')) throw error;
    return openRepository(store, { key_file_bytes }, options);
  }
}

/**
 * The repository of a running system, which is there; neither it nor its key is ever made. Rejects as `openRepository`
 * does, with `repo_damaged` where only its config is lost, and with the ENOENT of the key file.
 */
export async function openStanding(local: LocalRepository): Promise<Repository> {
  const store = openBlobStore(local.location);
  const key_file_bytes = await readKeyFile(local.key_file);
  try {
    return await openRepository(
      store,
      { key_file_bytes },
      { cache_dir: local.cache_dir ?? `${local.location}.cache` },
    );
  } catch (error) {
    if (!isRepositoryError(error, 'repo_not_found')) throw error;
    throw (await lostConfigAt(store)) ?? error;
  }
}

async function makeRepository(
  store: BlobStore,
  secret: { readonly key_file_bytes: Buffer },
  { ids_of = [], cache_dir }: Pick<LocalRepository, 'ids_of'> & { cache_dir: string },
): Promise<Repository> {
  for (const other of ids_of) {
    try {
      return await initRepository(store, secret, {
        cache_dir,
        ids_of: { store: openBlobStore(other), secret },
      });
    } catch (error) {
      // Nothing is there, or it is somebody else's.
      if (!isRepositoryError(error, 'repo_not_found') && !isRepositoryError(error, 'wrong_password'))
        throw error;
    }
  }
  return initRepository(store, secret, { cache_dir });
}

/** The id of the repository that stands at a location, without a key; rejects with `repo_not_found` where none does. */
export async function repositoryIdAt(location: string): Promise<string> {
  return (await readConfig(openBlobStore(location))).id;
}

/** The secret in a key file; rejects with `wrong_password` for any other file. */
export async function readKeyFile(path: string): Promise<Buffer> {
  const text = await readFile(path, 'latin1');
  const [, hex] = KEY_FILE.exec(text) ?? [];
  if (hex === undefined) throw new RepositoryError('wrong_password', `${path} is not a key file`);
  return Buffer.from(hex, 'hex');
}

async function readOrMakeKeyFile(path: string): Promise<Buffer> {
  try {
    return await readKeyFile(path);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
  }
  await makeKeyFile(path);
  return readKeyFile(path);
}

/** Durable before anything is sealed with it, and never over a key that stands. */
async function makeKeyFile(path: string): Promise<void> {
  const folder = dirname(path);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const beside = `${path}.${process.pid}-${randomBytes(6).toString('hex')}`;
  try {
    await using file = await open(beside, 'wx', 0o600);
    await file.writeFile(`holdfast-key-1 ${randomBytes(32).toString('hex')}\n`);
    await file.sync();
    await link(beside, path);
    await using handle = await open(folder, constants.O_RDONLY);
    await handle.sync();
  } catch (error) {
    // Another service of the same system made one at the same moment: that one counts.
    if (systemCode(error) !== 'EEXIST') throw error;
  } finally {
    await rm(beside, { force: true });
  }
}
