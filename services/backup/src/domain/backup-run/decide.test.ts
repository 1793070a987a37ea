import { describe, expect, test } from '@jest/globals';
import { newBackupId } from './backup-id.ts';
import { announcement, failed, nextInLine } from './decide.ts';
import { type BackupRun, evolve, isOver, requestedRun } from './state.ts';

const NOW = Date.parse('2025-12-01T14:30:22.123Z');
const wish = {
  backup_id: 'backup_20251201_143022_full',
  source: 'conversations',
  backup_type: 'full',
  reason: 'request',
  walk: true,
  schedule: null,
  compression: true,
  correlationid: 'c',
  actor: 'holdfast',
  requested_ms: NOW,
} as const;

function attempts(run: BackupRun, code: string, count: number): BackupRun {
  let state = run;
  for (let n = 0; n < count; n++) {
    state = evolve(state, { type: 'started', at_ms: NOW });
    state = evolve(state, failed(state, { code, message: 'no' }, NOW));
  }
  return state;
}

describe('backup ids', () => {
  test('say when and what, in UTC', () => {
    expect(newBackupId('full', NOW, () => false)).toBe('backup_20251201_143022_full');
  });

  test('are unique within one second', () => {
    const taken = new Set<string>();
    for (let n = 0; n < 3; n++) taken.add(newBackupId('snapshot', NOW, (id) => taken.has(id)));
    expect([...taken].at(-1)).toBe('backup_20251201_143022_snapshot_3');
  });
});

describe('a run', () => {
  test('that was asked for fails for good after three attempts', () => {
    expect(attempts(requestedRun(wish), 'storage_failed', 2).status).toBe('retrying');
    expect(isOver(attempts(requestedRun(wish), 'storage_failed', 3))).toBe(true);
  });

  test('of the schedule is tried again for ever, later and later, at most five minutes', () => {
    const run = requestedRun({ ...wish, reason: 'schedule' });
    expect(attempts(run, 'storage_failed', 1).not_before_ms).toBe(NOW + 1_000);
    expect(attempts(run, 'storage_failed', 2).not_before_ms).toBe(NOW + 2_000);
    expect(attempts(run, 'storage_failed', 40)).toMatchObject({
      status: 'retrying',
      not_before_ms: NOW + 300_000,
    });
  });

  test('waits longer for space, and does not keep a person waiting for it', () => {
    const run = requestedRun({ ...wish, reason: 'on_change' });
    expect(attempts(run, 'storage_full', 1).not_before_ms).toBe(NOW + 5_000);
    expect(attempts(requestedRun(wish), 'storage_full', 1).status).toBe('failed');
  });

  test('that was interrupted starts again', () => {
    const running = evolve(requestedRun(wish), { type: 'started', at_ms: NOW });
    const again = evolve(running, { type: 'interrupted', at_ms: NOW + 5 });
    expect(nextInLine([again])?.backup_id).toBe(wish.backup_id);
  });

  test('the one that may start first goes first', () => {
    const later = attempts(requestedRun({ ...wish, reason: 'schedule' }), 'storage_full', 1);
    const asked = requestedRun({
      ...wish,
      backup_id: 'backup_20251201_143023_full',
      requested_ms: NOW + 100,
    });
    expect(nextInLine([later, asked])?.backup_id).toBe(asked.backup_id);
  });

  test('of a group that was wanted later waits for the earlier one, which others may wait for', () => {
    const first = evolve(requestedRun({ ...wish, group: 'snapshot_1' }), { type: 'started', at_ms: NOW });
    const again = evolve(first, { type: 'interrupted', at_ms: NOW + 250 });
    const second = requestedRun({ ...wish, group: 'snapshot_2', requested_ms: NOW + 1 });
    expect(nextInLine([second, again])?.group).toBe('snapshot_1');
    // Nobody waits for one that failed.
    const broken = attempts(requestedRun({ ...wish, group: 'snapshot_1' }), 'internal', 1);
    expect(nextInLine([broken, second])?.group).toBe('snapshot_2');
  });
});

describe('what is announced', () => {
  test('a request, its start and its failure', () => {
    const run = requestedRun(wish);
    const running = evolve(run, { type: 'started', at_ms: NOW });
    const broken = evolve(running, failed(running, { code: 'storage_full', message: 'no space' }, NOW));
    expect([run, running, broken].map((state) => announcement(state)?.type)).toEqual([
      'BackupRequested',
      'BackupStarted',
      'BackupFailed',
    ]);
  });

  test('not each start of an on-change run', () => {
    const running = evolve(requestedRun({ ...wish, reason: 'on_change' }), { type: 'started', at_ms: NOW });
    expect(announcement(running)).toBeNull();
  });
});
