import type { BackupType } from '@holdfast/contracts/backup-events';
import type { SourceMetrics, TypeMetrics } from '@holdfast/contracts/http/backup-metrics';

/** Backups of one source and type that were made in a part of a period, also those that are gone since. */
export interface MadeFigures {
  readonly source: string;
  readonly backup_type: BackupType;
  readonly created: number;
  /** Those of which the rest is known: not what was removed before figures were kept. */
  readonly measured: number;
  readonly duration_ms: number;
  readonly duration_max_ms: number;
  readonly bytes_read: number;
  readonly bytes_stored: number;
}

/** The part that succeeded, from 0 to 1; null where there was none. */
export function rateOf(good: number, bad: number): number | null {
  return good + bad === 0 ? null : good / (good + bad);
}

/** What the backups of each type took, by name of the type. */
export function typesOf(made: readonly MadeFigures[]): TypeMetrics[] {
  const groups = [...Map.groupBy(made, ({ backup_type }) => backup_type)];
  return groups
    .map(([backup_type, parts]) => ({
      backup_type,
      created: sumOf(parts, 'created'),
      duration_mean_ms: Math.round(sumOf(parts, 'duration_ms') / (sumOf(parts, 'measured') || 1)),
      duration_max_ms: Math.max(...parts.map(({ duration_max_ms }) => duration_max_ms)),
      bytes_read: sumOf(parts, 'bytes_read'),
      bytes_stored: sumOf(parts, 'bytes_stored'),
    }))
    .sort((one, other) => (one.backup_type < other.backup_type ? -1 : 1));
}

type Summand = 'created' | 'measured' | 'duration_ms' | 'bytes_read' | 'bytes_stored';

/** The sum of one figure. */
export function sumOf(parts: readonly MadeFigures[], field: Summand): number {
  return parts.reduce((sum, part) => sum + part[field], 0);
}

/** What is known of a source now; times are milliseconds since the epoch. */
export interface Exposure {
  /** A change goes into a backup at once, and nothing keeps it from that now. */
  readonly on_change: boolean;
  /** When all of it was last looked at; null: it has no backup. */
  readonly walked_ms: number | null;
  /** The oldest change that no backup holds. */
  readonly changed_ms: number | null;
}

/** An RPO of nothing means: in a backup within a second of the write. */
const AT_ONCE_MS = 1_000;

/** How far back a source goes if it is lost now, and whether that is as little as is asked for. */
export function riskOf(
  { on_change, walked_ms, changed_ms }: Exposure,
  rpo_ms: number | null,
  now_ms: number,
): Pick<SourceMetrics, 'rpo_seconds' | 'at_risk_seconds' | 'rpo_met'> {
  const since_ms = on_change ? (changed_ms ?? now_ms) : (walked_ms ?? now_ms);
  const at_risk_ms = walked_ms === null ? null : Math.max(0, now_ms - since_ms);
  const is_met = at_risk_ms !== null && at_risk_ms <= Math.max(rpo_ms ?? 0, AT_ONCE_MS);
  return {
    rpo_seconds: rpo_ms === null ? null : rpo_ms / 1_000,
    at_risk_seconds: at_risk_ms === null ? null : at_risk_ms / 1_000,
    rpo_met: rpo_ms === null ? null : is_met,
  };
}
