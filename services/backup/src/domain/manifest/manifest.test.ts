import { BackupManifest } from '@holdfast/contracts/backup-events';
import { describe, expect, test } from '@jest/globals';
import { evolve, requestedRun } from '../backup-run/state.ts';
import { buildManifest } from './build.ts';
import { evolveValidation } from './validation.ts';

const NOW = Date.parse('2025-12-01T14:30:22.123Z');
const run = evolve(
  requestedRun({
    backup_id: 'backup_20251201_143022_incremental',
    source: 'conversations',
    backup_type: 'incremental',
    reason: 'reconciled',
    walk: true,
    schedule: null,
    compression: true,
    correlationid: 'c',
    actor: 'holdfast',
    requested_ms: NOW - 5,
  }),
  { type: 'started', at_ms: NOW },
);
const stats = {
  files: 145,
  bytes: 2_457_890,
  files_new: 0,
  files_changed: 0,
  files_removed: 0,
  bytes_read: 10,
  bytes_stored: 5,
  duration_ms: 12_450.4,
  unreadable: [{ path: '/srv/x', reason: 'EACCES' }],
  tree: 'ab12',
};
const about = {
  hostname: 'web1',
  git_commit: 'a1b2c3d4',
  git_branch: 'main',
  system_version: '0.1.0',
  parent_backup_id: null,
  archive_after: '30_days',
  read_ms: Date.parse('2025-12-01T14:30:34.123Z'),
};

describe('a manifest', () => {
  test('is complete, and what the contract says', () => {
    const manifest = BackupManifest.parse({ ...buildManifest(run, stats, about), snapshot_id: 's' });
    expect(manifest).toMatchObject({
      timestamp: '2025-12-01T14:30:34.123Z',
      sources: [{ source: 'conversations', files_backed_up: 145, compression: 'zstd' }],
      metadata: { hostname: 'web1', git_commit: 'a1b2c3d4', backup_duration_seconds: 12.45 },
      files_unreadable: [{ path: '/srv/x', reason: 'EACCES' }],
      retention: { tier: 'hot', archive_to_cold_storage_after: '30_days' },
    });
  });

  test('says `reconciled` only where the walk found what events had missed', () => {
    expect(buildManifest(run, { ...stats, files_changed: 1 }, about).reason).toBe('schedule');
    const missed = { files: 1, paths: ['/srv/x'] };
    const told = buildManifest(run, { ...stats, files_changed: 1 }, { ...about, missed });
    expect(told).toMatchObject({ reason: 'reconciled', missed_by_events: missed });
  });
});

describe('validation', () => {
  const fresh = buildManifest(run, stats, about).validation;

  test('a manifest comparison proves no byte, but can disprove', () => {
    const passed = evolveValidation(fresh, { level: 'manifest', passed: true, at_ms: NOW });
    const failed = evolveValidation(fresh, { level: 'manifest', passed: false, at_ms: NOW });
    expect([passed.integrity_check, failed.integrity_check]).toEqual(['pending', 'failed']);
    expect(passed.verified_at).toBe('2025-12-01T14:30:22.123Z');
  });

  test('a restore proves both', () => {
    const restored = evolveValidation(fresh, { level: 'restore', passed: true, at_ms: NOW });
    expect(restored).toMatchObject({ integrity_check: 'passed', restore_test: 'passed' });
  });
});
