import type { BackupManifest } from '@holdfast/contracts/backup-events';
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/** One call per thing that happens; what they count stands in docs of `/metrics`. */
export interface BackupMetrics {
  backupCreated(manifest: BackupManifest, delay_seconds: number | null): void;
  backupFailed(source: string, code: string): void;
  verified(level: string, passed: boolean): void;
  restored(files: number): void;
  removed(backups: number): void;
}

/** Registers the metrics of this service; `gauges` are read when somebody asks. */
export function createMetrics(
  registry: Registry,
  gauges: { openCases(): number; pendingChanges(): Record<string, number> },
): BackupMetrics {
  const registers = [registry];
  const created = counter(registers, 'backups_created_total', 'Backups made', ['source', 'type', 'reason']);
  const failed = counter(registers, 'backups_failed_total', 'Attempts that failed', ['source', 'code']);
  const stored = counter(registers, 'backup_bytes_stored_total', 'Bytes added to the repository', ['source']);
  const verified = counter(registers, 'backup_verifications_total', 'Verifications', ['level', 'outcome']);
  const restored = counter(registers, 'backup_files_restored_total', 'Files restored', []);
  const removed = counter(registers, 'backups_removed_total', 'Backups removed', []);
  const last = new Gauge({
    name: 'holdfast_backup_last_timestamp_seconds',
    help: 'When the newest backup of a source began',
    labelNames: ['source'],
    registers,
  });
  const duration = histogram(registers, 'backup_duration_seconds', 'How long a backup took', ['type']);
  const delay = histogram(registers, 'backup_change_to_snapshot_seconds', 'From the change to its snapshot', [
    'source',
  ]);
  registerGauges(registers, gauges);
  return {
    backupCreated: (manifest, delay_seconds) => {
      const source = manifest.sources[0]?.source ?? '';
      const { backup_type: type, reason } = manifest;
      created.inc({ source, type, reason });
      stored.inc({ source }, manifest.bytes_stored);
      last.set({ source }, Date.parse(manifest.timestamp) / 1000);
      duration.observe({ type }, manifest.metadata.backup_duration_seconds);
      if (delay_seconds !== null) delay.observe({ source }, delay_seconds);
    },
    backupFailed: (source, code) => failed.inc({ source, code }),
    verified: (level, passed) => verified.inc({ level, outcome: passed ? 'passed' : 'failed' }),
    restored: (files) => restored.inc(files),
    removed: (backups) => removed.inc(backups),
  };
}

function registerGauges(
  registers: Registry[],
  gauges: { openCases(): number; pendingChanges(): Record<string, number> },
): void {
  new Gauge({
    name: 'holdfast_backup_open_cases',
    help: 'Losses whose last good version is pinned',
    registers,
    collect() {
      this.set(gauges.openCases());
    },
  });
  new Gauge({
    name: 'holdfast_backup_pending_changes',
    help: 'Changed files that no snapshot holds yet',
    labelNames: ['source'],
    registers,
    collect() {
      for (const [source, count] of Object.entries(gauges.pendingChanges())) this.set({ source }, count);
    },
  });
}

/** Registers what is measured of the tiers; read when somebody asks. */
export function registerTierGauges(
  registry: Registry,
  measured: {
    readonly tiers: readonly string[];
    copies(tier: string): number;
    freeBytes(tier: string): number | null;
  },
): void {
  new Gauge({
    name: 'holdfast_backup_copies',
    help: 'Copies of backups in a tier',
    labelNames: ['tier'],
    registers: [registry],
    collect() {
      for (const tier of measured.tiers) this.set({ tier }, measured.copies(tier));
    },
  });
  new Gauge({
    name: 'holdfast_backup_storage_free_bytes',
    help: 'Free space on the disk of a tier',
    labelNames: ['tier'],
    registers: [registry],
    collect() {
      for (const tier of measured.tiers) {
        const free_bytes = measured.freeBytes(tier);
        if (free_bytes === null) this.remove({ tier });
        else this.set({ tier }, free_bytes);
      }
    },
  });
}

function counter<Label extends string>(
  registers: Registry[],
  name: string,
  help: string,
  labelNames: Label[],
) {
  return new Counter({ name: `holdfast_${name}`, help, labelNames, registers });
}

function histogram<Label extends string>(
  registers: Registry[],
  name: string,
  help: string,
  labelNames: Label[],
) {
  const buckets = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60, 600, 3600];
  return new Histogram({ name: `holdfast_${name}`, help, labelNames, buckets, registers });
}
