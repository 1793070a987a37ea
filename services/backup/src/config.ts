import { join } from 'node:path';
import { type HoldfastConfig, OWN_SOURCE, Priority } from '@holdfast/contracts/config';
import { dataPaths } from '@holdfast/contracts/paths';
import type { ServiceContext } from '@holdfast/runtime/connect-service';
import { refusedSources } from '@holdfast/runtime/key-place';
import { type RepositoryPlace, type TierPlace, tierPlaces } from '@holdfast/runtime/repository-place';
import { type CompiledSource, compileSources } from '@holdfast/runtime/source-match';
import type { SourcePlan } from './domain/backup-run/due.ts';
import { policyOf } from './domain/retention/policy.ts';
import type { RetentionPolicy } from './domain/retention/state.ts';
import { type Thresholds, thresholdsOf } from './domain/storage/level.ts';
import { tierPolicyOf } from './domain/tiers/policy.ts';
import type { TierPolicy } from './domain/tiers/state.ts';
import type { VerifyPolicy } from './domain/verification/decide.ts';
import type { MongoSource } from './mongodb/capture.ts';
import { databaseSource, namesDatabase, whyNoDatabase } from './mongodb/source.ts';
import { ownSource } from './own-source.ts';

/** A source of files or a database, and when it is to be backed up. */
export interface ProtectedSource extends CompiledSource {
  readonly plan: SourcePlan;
  /** Of a database: its roots are the folder that holds its base and its changes. */
  readonly mongodb?: MongoSource;
  /** Of Holdfast itself: the folder in which a copy of its state is put together, its only root. */
  readonly own_copy?: string;
  /** Why its backups are refused, where they are. */
  readonly refusal?: string | undefined;
}

/** A source that is configured, and of which nothing can be read as the configuration is. */
export interface UnreadableSource extends CompiledSource {
  /** In a few words, for people. */
  readonly reason: string;
}

/** What this service takes from the configuration, made ready once. */
export interface BackupSettings {
  /** The sources that hold files, and the databases that have an address; the most important first. */
  readonly sources: readonly ProtectedSource[];
  /** All others. */
  readonly unreadable: readonly UnreadableSource[];
  readonly database_file: string;
  readonly scratch_dir: string;
  /** Of the hot tier: where backups are made. */
  readonly repository: RepositoryPlace;
  /** All tiers, the nearest first: hot. */
  readonly places: readonly TierPlace[];
  readonly tier_policy: TierPolicy;
  readonly thresholds: Thresholds;
  readonly time_zone: string;
  readonly retention: RetentionPolicy;
  /** How backups are proved without being asked; null: not at all. */
  readonly verification: VerifyPolicy | null;
  /** Clean up after backups, without being asked. */
  readonly auto_cleanup: boolean;
}

/** Everything ready; relative roots are taken from the working folder, as the other services do. */
export function backupSettings(
  { config, data_dir }: ServiceContext,
  { own_source }: { own_source: boolean },
): BackupSettings {
  const paths = dataPaths(data_dir);
  const time_zone = config.time_zone ?? new Intl.DateTimeFormat().resolvedOptions().timeZone;
  const refused = new Map(refusedSources(config, data_dir).map(({ source, reason }) => [source, reason]));
  const own = own_source ? [ownSource(config, join(paths.service('backup'), OWN_SOURCE))] : [];
  const configured = compileSources(config, process.cwd(), data_dir).filter(
    ({ name }) => name !== OWN_SOURCE,
  );
  const judged = configured.map((source) => ({ ...source, reason: whyUnreadable(source) }));
  const unreadable = judged.filter((source): source is UnreadableSource => source.reason !== null);
  const sources: ProtectedSource[] = configured
    .filter(({ name }) => !unreadable.some((source) => source.name === name))
    .map((source) => readable(source, join(paths.service('backup'), 'mongodb', source.name)))
    .map((source) => ({ ...source, plan: planOf(source), refusal: refused.get(source.name) }));
  const places = tierPlaces(config, data_dir, 'backup');
  const [hot] = places;
  const retention = policyOf(config, time_zone);
  return {
    sources: [...sources, ...own].sort((one, other) => urgencyOf(one) - urgencyOf(other)),
    unreadable,
    database_file: join(paths.service('backup'), 'backup.sqlite'),
    scratch_dir: paths.scratch,
    repository: hot,
    places,
    tier_policy: tierPolicyOf(places, config, retention),
    thresholds: thresholdsOf(config),
    time_zone,
    retention,
    verification: verificationOf(config),
    auto_cleanup: hot.config.auto_cleanup ?? true,
  };
}

function verificationOf({ verification }: HoldfastConfig): VerifyPolicy | null {
  const { enabled, after: after_ms, restore_every: restore_every_ms } = verification;
  return enabled ? { after_ms, restore_every_ms } : null;
}

function whyUnreadable(source: CompiledSource): string | null {
  if (source.roots.length > 0) return null;
  return namesDatabase(source) ? whyNoDatabase(source) : 'it names no files: give it a root';
}

/** What can be read of a source: its files, or what is put together of its database. */
function readable(source: CompiledSource, folder: string): CompiledSource {
  return source.roots.length > 0 ? source : databaseSource(source, folder);
}

function planOf({ name, config, mongodb }: CompiledSource & { mongodb?: MongoSource }): SourcePlan {
  const frequency = config.backup_frequency;
  // Of a database only that is noted as a change which is to be backed up at once.
  const on_change = mongodb !== undefined || config.priority === 'critical' || frequency === 'on_change';
  return { source: name, on_change, frequency };
}

/** Smaller is more urgent. */
function urgencyOf({ config }: CompiledSource): number {
  return Priority.options.indexOf(config.priority);
}
