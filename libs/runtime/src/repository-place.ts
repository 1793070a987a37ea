import { isAbsolute, join, resolve } from 'node:path';
import type { ServiceName } from '@holdfast/contracts/catalog';
import type { HoldfastConfig } from '@holdfast/contracts/config';
import { dataPaths } from '@holdfast/contracts/paths';

/** Where the repository of this host lies, what opens it, and where one service keeps its cache of it. */
export interface RepositoryPlace {
  /** An absolute folder, or a URL. */
  readonly location: string;
  readonly key_file: string;
  readonly cache_dir: string;
}

/** As configured, else in the data folder. Services share the repository, never a cache. */
export function repositoryPlace(
  config: HoldfastConfig,
  data_dir: string,
  name: ServiceName,
): RepositoryPlace {
  const paths = dataPaths(data_dir);
  const { location = paths.repository, key_file = paths.repository_key } = config.repository;
  return {
    location: isAbsolute(location) || location.includes('://') ? location : resolve(location),
    key_file: resolve(key_file),
    cache_dir: join(paths.service(name), 'cache'),
  };
}
