import { createHmac, timingSafeEqual } from 'node:crypto';
import type { BlobStore } from '@holdfast/storage/blob-store';
import { isStorageError } from '@holdfast/storage/blob-store';
import { z } from 'zod';
import type { RepositoryKeys } from './crypto/keys.ts';
import { damaged, fromStorage, isRepositoryError, RepositoryError } from './errors.ts';

export const CONFIG_NAME = 'config';
export const FORMAT = 'holdfast-repository';
export const FORMAT_VERSION = 1;

/** Features that a reader or writer must know: none beyond the first version's yet. */
const KNOWN_FEATURES: ReadonlySet<string> = new Set();

/** The object `config`: readable without a key, so that a reader knows at once whether it can go on. */
export const RepositoryConfig = z.object({
  format: z.literal(FORMAT),
  version: z.int(),
  /** 32 hex digits. */
  id: z.string().regex(/^[0-9a-f]{32}$/),
  /** What must be understood to read or write here. */
  features: z.array(z.string()),
  created: z.string(),
  /** HMAC-SHA256 over the other fields: see `configMac`. */
  mac: z.string(),
});
export type RepositoryConfig = z.infer<typeof RepositoryConfig>;

/** What every version of the format has in common. */
const ConfigVersion = RepositoryConfig.pick({ format: true, version: true });

/** Rejects with `repo_not_found`, `repo_unsupported` or `repo_damaged`. */
export async function readConfig(store: BlobStore): Promise<RepositoryConfig> {
  let object: Buffer;
  try {
    object = await store.get(CONFIG_NAME);
  } catch (error) {
    if (!isStorageError(error, 'not_found')) throw fromStorage(error);
    throw new RepositoryError('repo_not_found', `there is no repository at ${store.location}`, {
      cause: error,
    });
  }
  const value = parseJson(object);
  // Before the rest: a newer version may have other fields.
  const { version } = parseAs(ConfigVersion, value);
  if (version !== FORMAT_VERSION) throw unsupported(store, `format version ${version}`);
  const config = parseAs(RepositoryConfig, value);
  const unknown = config.features.filter((feature) => !KNOWN_FEATURES.has(feature));
  if (unknown.length > 0) throw unsupported(store, `features ${unknown.join(', ')}`);
  return config;
}

/**
 * Rejects with `repo_not_found` where a repository that was open is not there any more: a disk that was unmounted leaves
 * an empty folder, into which nothing must be written.
 */
export async function requireStanding(store: BlobStore): Promise<void> {
  try {
    await readConfig(store);
  } catch (error) {
    if (!isRepositoryError(error, 'repo_not_found')) throw error;
    throw new RepositoryError('repo_not_found', `${error.message}: is its disk mounted?`, { cause: error });
  }
}

/** Throws `repo_damaged` for a config that was not written by a holder of the master key. */
export function verifyConfig(keys: RepositoryKeys, config: RepositoryConfig): void {
  const stored = Buffer.from(config.mac, 'hex');
  const expected = configMac(keys, config);
  if (stored.length !== expected.length || !timingSafeEqual(stored, expected)) {
    throw damaged('config: it was changed since the repository was made');
  }
}

/** The first thing that is read of a repository and the last that is written when one is made. */
export function encodeConfig(keys: RepositoryKeys, fields: Omit<RepositoryConfig, 'mac'>): Buffer {
  const config: RepositoryConfig = { ...fields, mac: configMac(keys, fields).toString('hex') };
  return Buffer.from(`${JSON.stringify(config)}\n`, 'utf8');
}

function unsupported(store: BlobStore, what: string): RepositoryError {
  return new RepositoryError(
    'repo_unsupported',
    `${store.location} uses ${what}, which this Holdfast does not know`,
  );
}

function parseJson(object: Buffer): unknown {
  try {
    return JSON.parse(object.toString('utf8'));
  } catch (error) {
    throw notAConfig(error);
  }
}

function parseAs<Schema extends z.ZodType>(schema: Schema, value: unknown): z.infer<Schema> {
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw notAConfig(parsed.error);
  return parsed.data;
}

function notAConfig(cause: unknown): RepositoryError {
  return damaged('config: not the config of a repository', cause);
}

/** Over one line a field, features joined by commas. */
function configMac(keys: RepositoryKeys, config: Omit<RepositoryConfig, 'mac'>): Buffer {
  const lines = [config.format, config.version, config.id, config.features.join(','), config.created];
  return createHmac('sha256', keys.config_key).update(lines.join('\n'), 'utf8').digest();
}
