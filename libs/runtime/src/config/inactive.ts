import type { HoldfastConfig, SourceConfig } from '@holdfast/contracts/config';

/** A key that is understood and kept, but does nothing in this version. */
export interface InactiveKey {
  readonly key: string;
  readonly reason: string;
}

const NOT_BUILT = 'not active yet';
const ACTIVE_STRATEGIES = new Set(['latest_backup', 'manual_recovery']);
const WHOLE_PARTS = ['rpo', 'rto', 'drills', 'contacts', 'access', 'audit'] as const;

/** What of a configuration this version does not act on: shown by `config check` and at the start, never fatal. */
export function inactiveKeys(config: HoldfastConfig): InactiveKey[] {
  const parts = WHOLE_PARTS.filter((part) => config[part] !== undefined);
  const tiers = Object.entries(config.storage.tiers)
    .filter(([, { provider, location }]) => provider !== undefined || (location ?? '').includes('://'))
    .map(([tier]) => `storage.tiers.${tier}`);
  const databases = Object.entries(config.sources)
    .filter(([, source]) => source.mongodb_collections.length > 0 && !isDatabase(source))
    .map(([name]) => `sources.${name} (MongoDB)`);
  const strategies = Object.entries(config.recovery.strategies).flatMap(([pattern, list]) =>
    list
      .filter(({ strategy }) => !ACTIVE_STRATEGIES.has(strategy))
      .map(({ strategy }) => `recovery.strategies.${pattern}: ${strategy}`),
  );
  const retention = Object.keys(config.retention ?? {}).filter(
    (key) => key !== 'archive_to_cold_storage_after',
  );
  const conditions = config.alerts.conditions === undefined ? [] : ['alerts.conditions: threshold, actions'];
  const external = config.encryption?.['key_storage'];
  const keys =
    external === undefined || external === 'local-keyring' ? [] : [`encryption.key_storage: ${external}`];
  return [
    ...databases,
    ...tiers,
    ...strategies,
    ...conditions,
    ...keys,
    ...parts,
    ...retention.map((key) => `retention.${key}`),
  ].map((key) => ({
    key,
    reason: NOT_BUILT,
  }));
}

/** It has an address; a source of files that names collections too is one of files. */
function isDatabase({ root, paths, mongodb_url, mongodb_url_file }: SourceConfig): boolean {
  return root === undefined && paths.length === 0 && (mongodb_url ?? mongodb_url_file) !== undefined;
}
