import { join } from 'node:path';
import { type HoldfastConfig, Priority } from '@holdfast/contracts/config';
import { dataPaths } from '@holdfast/contracts/paths';
import type { ServiceContext } from '@holdfast/runtime/connect-service';
import { compilePattern } from '@holdfast/runtime/path-pattern';
import { type RepositoryPlace, repositoryPlace } from '@holdfast/runtime/repository-place';
import { type CompiledSource, compileSources } from '@holdfast/runtime/source-match';
import type { StrategyRule } from './domain/loss-case/strategies.ts';

/** What this service takes from the configuration, made ready once. */
export interface RecoverySettings {
  readonly sources: ReadonlyMap<string, CompiledSource>;
  /** First match wins. */
  readonly strategies: readonly StrategyRule[];
  readonly quarantine_dir: string;
  readonly database_file: string;
  readonly repository: RepositoryPlace;
  /** How long a loss waits for a backup that may hold its bytes before an older version is taken. */
  readonly backup_wait_ms: number;
  /** How long a writer that holds a bad copy open is waited for. */
  readonly writer_wait_ms: number;
}

const BACKUP_WAIT_MS = 3_000;
const WRITER_WAIT_MS = 30_000;

/** Everything ready; relative roots are taken from the working folder, as the other services do. */
export function recoverySettings({ config, data_dir }: ServiceContext): RecoverySettings {
  const paths = dataPaths(data_dir);
  const sources = compileSources(config, process.cwd(), data_dir);
  return {
    sources: new Map(sources.map((source) => [source.name, source])),
    strategies: compileStrategies(config),
    quarantine_dir: paths.quarantine,
    database_file: join(paths.service('recovery'), 'recovery.sqlite'),
    repository: repositoryPlace(config, data_dir, 'recovery'),
    backup_wait_ms: BACKUP_WAIT_MS,
    writer_wait_ms: WRITER_WAIT_MS,
  };
}

/** Patterns are matched against the end of the path, as if each began with any folders; absolute ones are not. */
function compileStrategies(config: HoldfastConfig): StrategyRule[] {
  return Object.entries(config.recovery.strategies).map(([pattern, steps]) => {
    const { matches } = compilePattern('/', pattern.startsWith('/') ? pattern : `**/${pattern}`);
    return { pattern, steps, matches };
  });
}

/** Smaller is more urgent. */
export function urgencyOf(settings: RecoverySettings, source: string): number {
  return Priority.options.indexOf(settings.sources.get(source)?.config.priority ?? 'low');
}
