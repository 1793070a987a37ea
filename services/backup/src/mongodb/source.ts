import { existsSync } from 'node:fs';
import { HoldfastError } from '@holdfast/contracts/errors';
import { readSecret } from '@holdfast/runtime/config';
import type { CompiledSource } from '@holdfast/runtime/source-match';
import type { MongoSource } from './capture.ts';
import { UNFINISHED } from './staging.ts';

/** A source whose roots are the folder that a capture keeps current. */
export interface DatabaseSource extends CompiledSource {
  readonly mongodb: MongoSource;
}

/** True for a source that names a database, whether it can be reached or not. */
export function namesDatabase({ config }: CompiledSource): boolean {
  const { database, mongodb_collections, mongodb_url, mongodb_url_file } = config;
  return (
    database !== undefined ||
    mongodb_collections.length > 0 ||
    (mongodb_url ?? mongodb_url_file) !== undefined
  );
}

/** Why a database is not backed up, in a few words; null where it is. Only its address is looked at. */
export function whyNoDatabase({ config }: CompiledSource): string | null {
  if (config.mongodb_url !== undefined) return null;
  if (config.mongodb_url_file === undefined) return 'it has no mongodb_url: give one, or set MONGODB_URL';
  return existsSync(config.mongodb_url_file)
    ? null
    : `${config.mongodb_url_file} (mongodb_url_file) is not there: make it`;
}

/** The source as the repository reads it: the folder of its base and its changes. */
export function databaseSource(source: CompiledSource, folder: string): DatabaseSource {
  const { database, mongodb_collections, mongodb_url, mongodb_url_file } = source.config;
  const { verify_mongodb_url, verify_mongodb_url_file } = source.config;
  const url = async () => {
    const found = await readSecret(mongodb_url, mongodb_url_file);
    if (found === null)
      throw new HoldfastError('config_invalid', `sources.${source.name} has no mongodb_url`);
    return found;
  };
  const verify_url = () => readSecret(verify_mongodb_url, verify_mongodb_url_file);
  return {
    ...source,
    roots: [folder],
    matches: () => false,
    select: (path) => !path.includes(UNFINISHED),
    mongodb: { name: source.name, folder, database, collections: mongodb_collections, url, verify_url },
  };
}
