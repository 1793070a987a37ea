import type { BackupManifest } from '@holdfast/contracts/backup-events';
import { expect, test } from '@jest/globals';
import { figuresOf } from './figures.ts';

function manifest(backup_duration_seconds: number, more: object = {}): BackupManifest {
  const validation = { integrity_check: 'pending', restore_test: 'pending', verified_at: null };
  const sizes = { bytes_read: 10, bytes_stored: 4, backup_type: 'full' };
  return {
    metadata: { backup_duration_seconds },
    validation,
    ...sizes,
    ...more,
  } as unknown as BackupManifest;
}

test('counts, rates, and how long backups take', () => {
  const proven = {
    validation: { integrity_check: 'passed', restore_test: 'passed' },
    backup_type: 'incremental',
  };
  const made = [manifest(1), manifest(3), manifest(2, proven), manifest(10)];
  expect(figuresOf(made, 1)).toEqual({
    created: 4,
    failed: 1,
    success_rate: 0.8,
    by_type: { full: 3, incremental: 1 },
    duration_seconds: { average: 4, median: 2, p95: 10 },
    bytes_read: 40,
    bytes_stored: 16,
    verified: 1,
    damaged: 0,
    restore_proven: 1,
  });
});

test('of nothing there is no rate and no duration', () => {
  expect(figuresOf([], 0)).toMatchObject({ success_rate: null, duration_seconds: null, by_type: {} });
});
