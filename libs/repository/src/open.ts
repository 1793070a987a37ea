import { randomBytes } from 'node:crypto';
import type { BlobStore } from '@holdfast/storage/blob-store';
import type { Repository } from './api.ts';
import type { Secret } from './crypto/key-slots.ts';
import { deriveKeys, type MasterSecrets, type RepositoryKeys, SECRET_BYTES } from './crypto/keys.ts';
import { withCacheReserve } from './deletion/with-reserve.ts';
import { damaged, fromStorage, isRepositoryError, RepositoryError } from './errors.ts';
import { addSlot, KEY_PREFIX, unlock } from './key-ring.ts';
import { PACK_PREFIX } from './pack/pack-name.ts';
import {
  CONFIG_NAME,
  encodeConfig,
  FORMAT,
  FORMAT_VERSION,
  readConfig,
  verifyConfig,
} from './repository-config.ts';
import { SNAPSHOT_PREFIX } from './snapshot/snapshot-object.ts';

export type { Secret } from './crypto/key-slots.ts';

export interface OpenOptions {
  /** Where the local copy of the index lives; it may be lost at any time. Default: a temporary folder. */
  readonly cache_dir?: string;
  /** The clock, in ms; tests turn it by hand. */
  readonly now_ms?: () => number;
}

export interface InitOptions extends OpenOptions {
  /** For people: whose key this is. */
  readonly label?: string;
  /** Rounds of PBKDF2; tests lower it. */
  readonly rounds?: number;
  /** Names chunks as this repository does, so that chunks can be copied between the two. */
  readonly ids_of?: { readonly store: BlobStore; readonly secret: Secret };
}

/**
 * Makes a repository in an empty place and opens it. The config is written last. Rejects with `repo_exists`, and with
 * `repo_damaged` where a repository stands whose config is lost: a second one over it would make all of it unreadable;
 * with `bad_request` where other things lie.
 */
export async function initRepository(
  store: BlobStore,
  secret: Secret,
  options: InitOptions = {},
): Promise<Repository> {
  if (await hasObject(store, CONFIG_NAME)) throw exists(store);
  const obstacle = await obstacleIn(store);
  // What stands there may be of another who made it meanwhile.
  if (obstacle !== undefined) throw (await hasObject(store, CONFIG_NAME)) ? exists(store) : obstacle;
  const id = randomBytes(16);
  const secrets: MasterSecrets = { master: randomBytes(SECRET_BYTES), id_secret: await idSecret(options) };
  const keys = deriveKeys(id, secrets);
  const label = options.label ?? ('password' in secret ? 'first passphrase' : 'key file');
  const slot = { secret, label, ...(options.rounds !== undefined && { rounds: options.rounds }) };
  const slot_id = await addSlot(store, id, { secrets, slot });
  const config = newConfig(keys, id.toString('hex'));
  try {
    // A put that was sent twice may find what it has stored itself.
    if (!(await store.put(CONFIG_NAME, config)) && (await readConfig(store)).id !== id.toString('hex')) {
      // Of a repository that was never made: it would look like a damaged slot of the one that stands.
      await store.delete(`${KEY_PREFIX}${slot_id}`);
      throw exists(store);
    }
  } catch (error) {
    throw fromStorage(error);
  }
  const { createRepository } = await loadEngine();
  const { cache_dir, now_ms } = options;
  return createRepository({ store, keys, opened: { secrets, slot_id }, cache_dir, now_ms });
}

/**
 * Opens a repository. Rejects with `repo_not_found`, `repo_unsupported`, `wrong_password` or, where the config was
 * tampered with, `repo_damaged`.
 */
export async function openRepository(
  store: BlobStore,
  secret: Secret,
  options: OpenOptions = {},
): Promise<Repository> {
  const [{ keys, opened }, { createRepository }] = await Promise.all([
    unlockRepository(store, secret),
    loadEngine(),
  ]);
  try {
    const { cache_dir, now_ms } = options;
    const parts = { store, keys, opened, cache_dir, now_ms };
    return await withCacheReserve(store, async () => createRepository(parts));
  } catch (error) {
    throw fromStorage(error);
  }
}

/**
 * Makes the config again where it was lost or damaged. Of the repository only the id must be known, which a recovery kit
 * and `repo stats` tell. Rejects with `wrong_password` where the secret opens no slot of a repository with this id, with
 * `bad_request` where the config is sound.
 */
export async function rebuildConfig(store: BlobStore, secret: Secret, id: string): Promise<void> {
  const repository_id = Buffer.from(id, 'hex');
  const { secrets } = await unlock(store, repository_id, secret);
  const keys = deriveKeys(repository_id, secrets);
  try {
    if (await isSound(store, keys)) throw new RepositoryError('bad_request', 'the config is as it should be');
    await store.delete(CONFIG_NAME);
    await store.put(CONFIG_NAME, newConfig(keys, id));
  } catch (error) {
    throw fromStorage(error);
  }
}

async function isSound(store: BlobStore, keys: RepositoryKeys): Promise<boolean> {
  try {
    verifyConfig(keys, await readConfig(store));
    return true;
  } catch (error) {
    if (isRepositoryError(error, 'repo_damaged') || isRepositoryError(error, 'repo_not_found')) return false;
    throw error;
  }
}

function newConfig(keys: RepositoryKeys, id: string): Buffer {
  const created = new Date().toISOString();
  return encodeConfig(keys, { format: FORMAT, version: FORMAT_VERSION, id, features: [], created });
}

async function unlockRepository(store: BlobStore, secret: Secret) {
  const config = await readConfig(store);
  const id = Buffer.from(config.id, 'hex');
  const opened = await unlock(store, id, secret);
  const keys = deriveKeys(id, opened.secrets);
  verifyConfig(keys, config);
  return { keys, opened };
}

async function idSecret({ ids_of }: InitOptions): Promise<Buffer> {
  if (ids_of === undefined) return randomBytes(SECRET_BYTES);
  const { opened } = await unlockRepository(ids_of.store, ids_of.secret);
  return opened.secrets.id_secret;
}

/** While a passphrase is stretched in the thread pool, this thread has time to load what comes next. */
function loadEngine() {
  return import('./repository.ts');
}

/** An object of that name, or, for a prefix that ends in `/`, any below it. */
async function hasObject(store: BlobStore, name: string): Promise<boolean> {
  try {
    for await (const found of store.names(name)) if (found === name || name.endsWith('/')) return true;
    return false;
  } catch (error) {
    throw fromStorage(error);
  }
}

/** Where no config is: `repo_damaged`, if a repository stands there all the same, else undefined. */
export async function lostConfigAt(store: BlobStore): Promise<RepositoryError | undefined> {
  for (const prefix of [SNAPSHOT_PREFIX, PACK_PREFIX]) {
    if (await hasObject(store, prefix)) return configLost(store);
  }
  return undefined;
}

/** Why no repository may be made where no config is: what somebody keeps there would be among its objects for ever. */
async function obstacleIn(store: BlobStore): Promise<RepositoryError | undefined> {
  const lost = await lostConfigAt(store);
  if (lost !== undefined) return lost;
  try {
    for await (const name of store.names('')) {
      // An `init` that was cut short has come so far.
      if (!name.startsWith(KEY_PREFIX)) return foreign(store, name);
    }
    return undefined;
  } catch (error) {
    throw fromStorage(error);
  }
}

function foreign(store: BlobStore, name: string): RepositoryError {
  return new RepositoryError(
    'bad_request',
    `${store.location} is not empty and no repository (${name} lies there): name an empty folder, or a new one`,
  );
}

function configLost(store: BlobStore): RepositoryError {
  return damaged(
    `${store.location} holds a repository whose config is lost: \`repo repair --config-of ID\` makes it again`,
  );
}

function exists(store: BlobStore): RepositoryError {
  return new RepositoryError('repo_exists', `${store.location} holds a repository already`);
}
