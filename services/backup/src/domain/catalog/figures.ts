import type { BackupManifest, BackupType } from '@holdfast/contracts/backup-events';

/** What the backups of a time have in common. */
export interface Figures {
  readonly created: number;
  readonly failed: number;
  /** Of 1; null: nothing was tried. */
  readonly success_rate: number | null;
  readonly by_type: Partial<Record<BackupType, number>>;
  readonly duration_seconds: {
    readonly average: number;
    readonly median: number;
    readonly p95: number;
  } | null;
  readonly bytes_read: number;
  readonly bytes_stored: number;
  readonly verified: number;
  readonly damaged: number;
  readonly restore_proven: number;
}

/** Counts what was made and what failed. */
export function figuresOf(manifests: readonly BackupManifest[], failed: number): Figures {
  const created = manifests.length;
  const durations = manifests.map(({ metadata }) => metadata.backup_duration_seconds);
  const sum = (of: (manifest: BackupManifest) => number) => manifests.reduce((all, one) => all + of(one), 0);
  const count = (is: (manifest: BackupManifest) => boolean) => manifests.filter(is).length;
  const types = Object.entries(Object.groupBy(manifests, ({ backup_type }) => backup_type));
  return {
    created,
    failed,
    success_rate: created + failed === 0 ? null : created / (created + failed),
    by_type: Object.fromEntries(types.map(([type, same]) => [type, same.length])),
    duration_seconds: summaryOf(durations),
    bytes_read: sum(({ bytes_read }) => bytes_read),
    bytes_stored: sum(({ bytes_stored }) => bytes_stored),
    verified: count(({ validation }) => validation.integrity_check === 'passed'),
    damaged: count(({ validation }) => validation.integrity_check === 'failed'),
    restore_proven: count(({ validation }) => validation.restore_test === 'passed'),
  };
}

function summaryOf(values: readonly number[]): Figures['duration_seconds'] {
  if (values.length === 0) return null;
  const sorted = values.toSorted((one, other) => one - other);
  const at = (share: number) => sorted[Math.ceil(sorted.length * share) - 1] as number;
  return {
    average: sorted.reduce((sum, value) => sum + value, 0) / sorted.length,
    median: at(0.5),
    p95: at(0.95),
  };
}
