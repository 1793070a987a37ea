import { access, constants, opendir, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { HoldfastConfig } from '@holdfast/contracts/config';
import { asHoldfastError, HoldfastError, systemCode } from '@holdfast/contracts/errors';
import { openRepository } from '@holdfast/repository/open';
import { readKeyFile } from '@holdfast/repository/repository-key';
import { repositoryPlace } from '@holdfast/runtime/repository-place';
import { compileSources } from '@holdfast/runtime/source-match';
import { openBlobStore } from '@holdfast/storage/open-blob-store';

/** Less than this, and the first events would find no room. */
const ROOM_MIN_BYTES = 4 << 20;

/**
 * What can be known before anything runs, so that a refusal is one line and not a page of logs: every protected folder
 * that is there may be read (else `source_unreadable`), and the key opens the repository that is there (else
 * `wrong_password`), and there is room for the first events (else `storage_full`). A root that is not there yet is no error: it may be mounted later. Nothing is written.
 */
export async function preflight(config: HoldfastConfig, data_dir: string): Promise<void> {
  const roots = compileSources(config, process.cwd(), data_dir).flatMap((source) => source.roots);
  for (const root of new Set(roots)) await checkReadable(root);
  await checkKey(config, data_dir);
  await checkRoom(data_dir);
}

/** The folder itself may not be there yet: then it will be on the disk of the one above. */
async function checkRoom(data_dir: string, standing = data_dir): Promise<void> {
  try {
    const { bavail, bsize } = await statfs(standing);
    if (bavail * bsize >= ROOM_MIN_BYTES) return;
    const free_kib = Math.floor((bavail * bsize) / 1024);
    throw new HoldfastError('storage_full', `no space left for ${data_dir}: ${free_kib} KiB are free`);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT' || standing === dirname(standing)) throw error;
    await checkRoom(data_dir, dirname(standing));
  }
}

async function checkReadable(root: string): Promise<void> {
  try {
    await using folder = await opendir(root);
    await access(folder.path, constants.R_OK | constants.X_OK);
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ENOENT') return;
    if (code === 'ENOTDIR') return checkFile(root);
    throw unreadable(root, error);
  }
}

async function checkFile(path: string): Promise<void> {
  try {
    await access(path, constants.R_OK);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT' && systemCode(error) !== 'ENOTDIR') throw unreadable(path, error);
  }
}

function unreadable(path: string, cause: unknown): HoldfastError {
  const code = systemCode(cause) ?? String(cause);
  return new HoldfastError('source_unreadable', `${path} cannot be read (${code})`, { cause });
}

async function checkKey(config: HoldfastConfig, data_dir: string): Promise<void> {
  const { location, key_file } = repositoryPlace(config, data_dir, 'backup');
  const store = openBlobStore(location);
  const secret = await readKeyFile(key_file).catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return null;
    throw asHoldfastError(error);
  });
  // Without a key file a new one is made, which can never open what is there already.
  const key_file_bytes = secret ?? Buffer.alloc(32);
  try {
    await using _opened = await openRepository(store, { key_file_bytes });
  } catch (error) {
    const known = asHoldfastError(error);
    if (systemCode(known) === 'repo_not_found') return;
    if (systemCode(known) !== 'wrong_password') throw known;
    const why = secret === null ? 'is not there' : 'is not its key';
    throw new HoldfastError('wrong_password', `${location} cannot be opened: ${key_file} ${why}`, {
      cause: error,
    });
  }
}
