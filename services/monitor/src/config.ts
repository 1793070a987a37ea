import { join } from 'node:path';
import { dataPaths } from '@holdfast/contracts/paths';
import type { ServiceConfig } from '@holdfast/runtime/service';
import type { TerritoryOptions } from './adapters/territory.ts';
import type { ScrubSettings } from './domain/scrub/scrub-round.ts';

/** What the monitor takes from the configuration. */
export interface MonitorConfig {
  readonly database: string;
  readonly territory: TerritoryOptions;
  readonly move_window_ms: number;
  readonly check_interval_ms: number;
  readonly deep_check_interval_ms: number;
  readonly scrub: ScrubSettings;
}

export function monitorConfig({ config, data_dir }: ServiceConfig): MonitorConfig {
  const { move_window_ms, check_interval_seconds, deep_check_interval_seconds, scrub } = config.monitor;
  return {
    database: join(dataPaths(data_dir).service('monitor'), 'registry.sqlite'),
    // Paths of a configuration that was loaded are absolute: the base counts for none of them.
    territory: { config, base_dir: process.cwd(), data_dir },
    move_window_ms,
    check_interval_ms: check_interval_seconds * 1000,
    deep_check_interval_ms: deep_check_interval_seconds * 1000,
    scrub: {
      enabled: scrub.enabled,
      period_ms: scrub.every,
      max_bytes_per_second: scrub.max_bytes_per_second,
    },
  };
}
