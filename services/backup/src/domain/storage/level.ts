import type { HoldfastConfig } from '@holdfast/contracts/config';
import type { StorageLevel } from '@holdfast/contracts/storage-events';

/** What was measured of a disk. */
export interface Space {
  /** Equal for places on the same disk. */
  readonly device: string;
  /** What is left for us. */
  readonly free_bytes: number;
  readonly total_bytes: number;
  /** Of what may be used: as `df` says it. */
  readonly used_percent: number;
}

export interface Thresholds {
  readonly high_percent: number;
  readonly critical_percent: number;
  readonly hysteresis_percent: number;
  readonly min_free_bytes: number;
}

const CRITICAL_PERCENT = 90;
const LEVELS: readonly StorageLevel[] = ['normal', 'high', 'critical'];

/** True where one level is worse than another. */
export function isWorse(one: StorageLevel, other: StorageLevel): boolean {
  return LEVELS.indexOf(one) > LEVELS.indexOf(other);
}

/**
 * How full a disk is, after what it was: a level is reached at its threshold, and left only where it is so much below it.
 * A disk that goes to and fro around a threshold crosses it once.
 */
export function levelOf(space: Space, before: StorageLevel, thresholds: Thresholds): StorageLevel {
  const reached = levelAt(space, thresholds, 0);
  if (!isWorse(before, reached)) return reached;
  const left = levelAt(space, thresholds, thresholds.hysteresis_percent);
  return isWorse(before, left) ? left : before;
}

/** With all thresholds so much lower, and the room that is asked for doubled where there is a margin. */
function levelAt({ used_percent, free_bytes }: Space, thresholds: Thresholds, margin: number): StorageLevel {
  const min_free_bytes = thresholds.min_free_bytes * (margin > 0 ? 2 : 1);
  if (used_percent >= thresholds.critical_percent - margin || free_bytes < min_free_bytes) return 'critical';
  return used_percent >= thresholds.high_percent - margin ? 'high' : 'normal';
}

/** As configured; `alerts.conditions.storage_full.threshold: 90% capacity` says when it is critical, unless `storage.thresholds` does. */
export function thresholdsOf({ storage, alerts }: Pick<HoldfastConfig, 'storage' | 'alerts'>): Thresholds {
  const { high_percent, critical_percent = conditionOf(alerts.conditions), ...others } = storage.thresholds;
  return { ...others, critical_percent, high_percent: Math.min(high_percent, critical_percent) };
}

function conditionOf(conditions: unknown): number {
  const { storage_full } = Object(conditions) as { storage_full?: { threshold?: unknown } };
  const [, percent] = /^(\d{1,2}(?:\.\d+)?)\s*%/.exec(String(storage_full?.threshold)) ?? [];
  return percent === undefined ? CRITICAL_PERCENT : Number(percent);
}
