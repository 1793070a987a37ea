import { lstatSync } from 'node:fs';
import { isAbsolute, join, resolve } from 'node:path';
import type { ServiceName } from '@holdfast/contracts/catalog';
import type { HoldfastConfig, TierConfig } from '@holdfast/contracts/config';
import { dataPaths } from '@holdfast/contracts/paths';

/** Where the repository of this host lies, what opens it, and where one service keeps its cache of it. */
export interface RepositoryPlace {
  /** An absolute folder, or a URL. */
  readonly location: string;
  readonly key_file: string;
  readonly cache_dir: string;
}

/** A tier: where its repository lies, and what belongs in it. */
export interface TierPlace extends RepositoryPlace {
  readonly name: string;
  readonly config: TierConfig;
}

/** The tier in which backups are made: it is always there, named or not. */
export const HOT = 'hot';
/** Those that everybody knows, the nearest first; others come behind them as they are written. */
const KNOWN_TIERS = [HOT, 'warm', 'cold'];

/**
 * Of the hot tier. What was configured counts, but a repository that stands in the data folder is gone on with: a tier
 * that is named later must not hide the backups that there are.
 */
export function repositoryPlace(
  config: HoldfastConfig,
  data_dir: string,
  name: ServiceName,
): RepositoryPlace {
  const paths = dataPaths(data_dir);
  const configured = isFolder(paths.repository) ? undefined : config.storage.tiers[HOT]?.location;
  const { location = configured ?? paths.repository, key_file = paths.repository_key } = config.repository;
  return {
    location: absolute(location),
    key_file: resolve(key_file),
    cache_dir: join(paths.service(name), 'cache'),
  };
}

/** All tiers that are repositories of this host, the nearest first: `hot`, and those that no cloud provider is named for. */
export function tierPlaces(config: HoldfastConfig, data_dir: string, name: ServiceName): TierPlace[] {
  const paths = dataPaths(data_dir);
  const hot = repositoryPlace(config, data_dir, name);
  const { [HOT]: hot_config = {}, ...others } = config.storage.tiers;
  const far = Object.entries(others)
    .filter(([, { provider }]) => provider === undefined)
    .sort(([one], [other]) => rankOf(one) - rankOf(other))
    .map(([tier, tier_config]) => ({
      name: tier,
      config: tier_config,
      location: absolute(tier_config.location ?? paths.tier(tier)),
      key_file: hot.key_file,
      cache_dir: join(paths.service(name), `cache-${tier}`),
    }));
  return [{ name: HOT, config: hot_config, ...hot }, ...far];
}

/** Folders with backups in them, wherever they were put: never a part of what is protected. */
export function backupFolders(config: HoldfastConfig): string[] {
  const given = [
    config.repository.location,
    ...Object.values(config.storage.tiers).map((tier) => tier.location),
  ];
  return given
    .filter((location) => location !== undefined && !location.includes('://'))
    .map((folder) => resolve(folder as string));
}

function rankOf(tier: string): number {
  const rank = KNOWN_TIERS.indexOf(tier);
  return rank === -1 ? KNOWN_TIERS.length : rank;
}

function absolute(location: string): string {
  return isAbsolute(location) || location.includes('://') ? location : resolve(location);
}

/** A link to another place is none. */
function isFolder(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
