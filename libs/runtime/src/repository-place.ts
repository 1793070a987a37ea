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
  /** The other tiers, the nearest first: all name chunks in the same way, so that they can be copied. */
  readonly ids_of: readonly string[];
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
  const { name: _name, config: _config, ...place } = tierPlaces(config, data_dir, name)[0];
  return place;
}

/** All tiers that are repositories of this host, the nearest first: `hot`, and those that no cloud provider is named for. */
export function tierPlaces(
  config: HoldfastConfig,
  data_dir: string,
  name: ServiceName,
): [TierPlace, ...TierPlace[]] {
  const paths = dataPaths(data_dir);
  const { [HOT]: hot = {}, ...others } = config.storage.tiers;
  const far = Object.entries(others)
    .filter(([, { provider }]) => provider === undefined)
    .sort(([one], [other]) => rankOf(one) - rankOf(other))
    .map(([tier, given]) => ({ tier, given, location: absolute(given.location ?? paths.tier(tier)) }));
  const near = { tier: HOT, given: hot, location: absolute(hotLocation(config, paths.repository)) };
  const locations = [near, ...far].map(({ location }) => location);
  const placeOf = ({ tier, given, location }: typeof near): TierPlace => ({
    name: tier,
    config: given,
    location,
    key_file: resolve(config.repository.key_file ?? paths.repository_key),
    cache_dir: join(paths.service(name), tier === HOT ? 'cache' : `cache-${tier}`),
    ids_of: locations.filter((other) => other !== location),
  });
  return [placeOf(near), ...far.map(placeOf)];
}

function hotLocation({ repository, storage }: HoldfastConfig, standing: string): string {
  if (repository.location !== undefined) return repository.location;
  return (isFolder(standing) ? undefined : storage.tiers[HOT]?.location) ?? standing;
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
