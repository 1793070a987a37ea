import { realpathSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import type { HoldfastConfig } from '@holdfast/contracts/config';
import { isWithin } from './path-pattern.ts';
import { repositoryPlace } from './repository-place.ts';

/** Why the backups of one source are refused. */
export interface RefusedSource {
  readonly source: string;
  readonly reason: string;
}

/**
 * The sources with `encryption_required` whose backups are refused: whoever takes the repository would take the key that
 * opens it too. None where `encryption.allow_local_key` says that this is known.
 */
export function refusedSources(config: HoldfastConfig, data_dir: string): RefusedSource[] {
  const names = Object.entries(config.sources).filter(([, { encryption_required }]) => encryption_required);
  if (names.length === 0 || config.encryption?.allow_local_key === true) return [];
  const { location, key_file } = repositoryPlace(config, data_dir, 'backup');
  if (!liesBeside(key_file, location, data_dir)) return [];
  const reason = `encryption_required, and ${key_file} lies beside the repository that it opens`;
  return names.map(([source]) => ({ source, reason }));
}

/** In the repository, in the same folder as it, or both in the data folder; a repository behind a URL lies elsewhere. */
function liesBeside(key_file: string, location: string, data_dir: string): boolean {
  const folder = location.replace(/^file:\/\//, '');
  if (folder.includes('://')) return false;
  const [key, repository, data] = [key_file, folder, data_dir].map(whereItIs) as [string, string, string];
  const together = isWithin(key, data) && isWithin(repository, data);
  return together || isWithin(key, repository) || dirname(key) === dirname(repository);
}

/** The path without symlinks, as far as it is there: a link to a key does not take the key away. */
function whereItIs(path: string): string {
  const whole = resolve(path);
  try {
    return realpathSync(whole);
  } catch {
    // It is not made yet, or may not be looked at: then its folder tells.
    const folder = dirname(whole);
    return folder === whole ? whole : join(whereItIs(folder), basename(whole));
  }
}
