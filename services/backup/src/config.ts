import { isAbsolute, join, resolve } from 'node:path';
import type { Priority } from '@holdfast/contracts/config';
import { dataPaths } from '@holdfast/contracts/paths';
import type { ServiceContext } from '@holdfast/runtime/connect-service';
import { type CompiledSource, compileSources } from '@holdfast/runtime/source-match';
import type { SourcePlan } from './domain/backup-run/due.ts';

/** A source of files, and when it is to be backed up. */
export interface ProtectedSource extends CompiledSource {
  readonly plan: SourcePlan;
}

/** What this service takes from the configuration, made ready once. */
export interface BackupSettings {
  /** The sources that hold files, the most important first. */
  readonly sources: readonly ProtectedSource[];
  readonly database_file: string;
  readonly scratch_dir: string;
  readonly repository: { readonly location: string; readonly key_file: string; readonly cache_dir: string };
  /** Where new backups lie. */
  readonly tier: string;
}

const ORDER: readonly Priority[] = ['critical', 'high', 'medium', 'low'];

/** Everything ready; relative roots are taken from the working folder, as the other services do. */
export function backupSettings({ config, data_dir }: ServiceContext): BackupSettings {
  const paths = dataPaths(data_dir);
  const { location = paths.repository, key_file = paths.repository_key } = config.repository;
  const own = paths.service('backup');
  return {
    sources: compileSources(config, process.cwd(), data_dir)
      .filter((source) => source.roots.length > 0)
      .map((source) => ({ ...source, plan: planOf(source) }))
      .sort((one, other) => ORDER.indexOf(one.config.priority) - ORDER.indexOf(other.config.priority)),
    database_file: join(own, 'backup.sqlite'),
    scratch_dir: paths.scratch,
    repository: {
      location: locationOf(location),
      key_file: resolve(key_file),
      cache_dir: join(own, 'cache'),
    },
    tier: Object.keys(config.storage.tiers)[0] ?? 'hot',
  };
}

function planOf({ name, config }: CompiledSource): SourcePlan {
  const frequency = config.backup_frequency;
  return { source: name, on_change: config.priority === 'critical' || frequency === 'on_change', frequency };
}

function locationOf(location: string): string {
  return isAbsolute(location) || location.includes('://') ? location : resolve(location);
}
