import type { EventData, EventType, HoldfastEvent } from '@holdfast/contracts/catalog';
import { describe, expect, test } from '@jest/globals';
import { fingerprintOf, recordCleared, recordCondition, recordLoss, recordSummary } from '../alert/decide.ts';
import { messageOf, summaryOf } from '../alert/message.ts';
import type { ConditionAlert } from '../alert/state.ts';
import { dueAt, FIXED_WAITS, tick } from '../alert/timing.ts';
import { OBSERVED_TYPES, observe, type RuleContext } from './observe.ts';

const AT = '2026-11-23T01:00:00.000Z';
const WAITS = { ...FIXED_WAITS, group_wait_ms: 10_000, group_interval_ms: 300_000 };
const CONTEXT: RuleContext = {
  sources: {
    conversations: { priority: 'critical', on_delete: 'recover' },
    logs: { priority: 'low', on_delete: 'alert' },
    scratch: { priority: 'medium', on_delete: 'ignore' },
  },
  severities: {},
};

function event<Type extends EventType>(type: Type, data: Partial<EventData<Type>>): HoldfastEvent {
  const source = 'holdfast/web1/any';
  return { id: 'E1', type, source, time: AT, correlationid: 'I1', data } as unknown as HoldfastEvent;
}
const lost = (source: string) =>
  observe(event('FileDeleted', { host: 'web1', source, path: '/a', detected_at: AT }), CONTEXT);
const backupFailed = () => {
  const error = { code: 'storage_full', message: 'No space left' };
  return event('BackupFailed', { backup_id: 'b', sources: ['logs', 'conversations'], error });
};

/** Counts what is observed, each time so much later. */
function condition(events: readonly HoldfastEvent[], step_ms = 0): ConditionAlert | null {
  let alert: ConditionAlert | null = null;
  for (const [n, one] of events.entries()) {
    const seen = observe(one, CONTEXT);
    if (seen?.type !== 'condition') throw new Error('no condition');
    alert = recordCondition(alert, seen, { event_id: `E${n}`, correlation_id: 'I1', now_ms: n * step_ms });
  }
  return alert;
}

describe('a lost file', () => {
  test('is as severe as its source is dear; one of an unknown source counts as critical', () => {
    expect(lost('conversations')).toMatchObject({ severity: 'critical', heals: true, incident: 'I1' });
    expect(lost('logs')).toMatchObject({ severity: 'low', heals: false });
    expect(lost('elsewhere')).toMatchObject({ severity: 'critical' });
  });

  test('that the policy ignores is none', () => {
    expect(lost('scratch')).toBeNull();
  });
});

test('what is not there as expected fires once, as severe as its source is dear, until it is told to be over', () => {
  const about = { host: 'web1', source: 'logs', pattern: '*.csv', started_at: AT };
  const reasons = [
    { reason: 'count', detail: '0 of at least 2 files are there' },
    { reason: 'age', detail: 'the newest is 3 d old' },
  ] as const;
  const alert = condition([event('ExpectationViolated', { ...about, reasons: [...reasons] })]);
  if (alert === null) throw new Error('no alert');
  expect([alert.severity, summaryOf(alert)]).toEqual([
    'low',
    '*.csv of logs is not as expected on web1: 0 of at least 2 files are there; the newest is 3 d old',
  ]);
  const over = observe(event('ExpectationViolated', { ...about, reasons: [], cleared_at: AT }), CONTEXT);
  expect(over).toMatchObject({ type: 'cleared', rule: 'expectation_violated', parts: ['logs/*.csv'] });
});

test('folders that lost most of their files are said with the losses of their incident', () => {
  const folders = [{ folder: '/srv/data', files_lost: 900, files_known: 1000 }];
  const loss = observe(
    event('FileDeleted', { host: 'web1', source: 'logs', path: '/a', detected_at: AT }),
    CONTEXT,
  );
  const summary = observe(
    event('PartialDeletionDetected', { host: 'web1', source: 'logs', folders }),
    CONTEXT,
  );
  if (loss?.type !== 'loss' || summary?.type !== 'summary') throw new Error('not observed');
  expect(fingerprintOf(summary)).toBe(fingerprintOf(loss));
  const now = { event_id: 'E1', correlation_id: 'I1', now_ms: 0 };
  const { alert } = recordLoss(null, null, loss, now);
  const { details } = messageOf(recordSummary(alert, summary), 'firing', 'http://h');
  expect(details[0]).toBe('/srv/data lost 900 of its 1,000 files.');
});

describe('a failed backup', () => {
  test('fires at once, and is over when every source has been backed up', () => {
    const alert = condition([backupFailed()]);
    if (alert === null) throw new Error('no alert');
    expect(summaryOf(alert)).toBe('Backup of conversations, logs failed on web1: No space left');
    expect([alert.severity, alert.status, dueAt(alert, WAITS)]).toEqual(['critical', 'firing', 0]);

    const told = tick(alert, WAITS, 0, 0);
    const cleared = { type: 'cleared', rule: 'backup_failed', host: 'web1', at_ms: 5 } as const;
    const half = recordCleared(told.alert, { ...cleared, parts: ['logs'] }, 5);
    const whole = recordCleared(half, { ...cleared, parts: ['conversations'] }, 9);

    expect([told.tell, dueAt(half, WAITS)]).toEqual(['firing', null]);
    expect(tick(whole, WAITS, 9, 0)).toMatchObject({ resolved: true, tell: 'resolved' });
  });

  test.each([
    ['schedule', 'request', 0, true],
    ['schedule', 'request', 1, true],
    ['schedule', 'on_change', 0, false],
    ['on_change', 'on_change', 0, true],
    ['on_change', 'on_change', 1, false],
    ['on_change', 'schedule', 0, true],
    ['on_change', 'schedule', 1, false],
  ])(
    'by %s is over after one by %s with %d files that could not be read: %s',
    (failure, success, unreadable, is_over) => {
      const error = { code: 'hook_failed', message: 'no' };
      const alert = condition([event('BackupFailed', { sources: ['logs'], reason: failure, error })]);
      const files_unreadable = Array(unreadable).fill({ path: '/a', reason: 'EACCES' });
      const manifest = { reason: success, sources: [{ source: 'logs' }], files_unreadable };
      const cleared = observe(event('BackupCreated', { manifest } as never), CONTEXT);
      if (alert === null || cleared?.type !== 'cleared') throw new Error('nothing is cleared');
      expect(recordCleared(alert, cleared, 5).outstanding.length === 0).toBe(is_over);
    },
  );

  test('has the severity that the configuration gives it', () => {
    const severities = { backup_failed: 'medium' as const };
    expect(observe(backupFailed(), { ...CONTEXT, severities })).toMatchObject({ severity: 'medium' });
  });
});

describe('an overdue backup', () => {
  const late = {
    backup_id: null,
    source: 'logs',
    schedule: 'daily',
    last_backup_at: null,
    expected_at: '2026-01-01T02:00:00.000Z',
    interval_ms: 86_400_000,
  };

  test('fires, and is over when it was made', () => {
    const alert = condition([event('BackupOverdue', late)]);
    if (alert === null) throw new Error('no alert');
    expect(summaryOf(alert)).toContain('logs on web1 is overdue: it was expected by the schedule daily');
    expect(alert.severity).toBe('high');
    const made = event('BackupOverdue', { ...late, cleared_at: '2026-01-03T03:00:00.000Z' });
    expect(observe(made, CONTEXT)).toMatchObject({ type: 'cleared', parts: ['logs/daily'] });
  });
});

describe('refused requests', () => {
  const refused = event('AccessDenied', { host: 'web1', remote_address: '10.0.0.9' });

  test('fire from the fifth in a minute on, and end after ten quiet minutes, untold', () => {
    expect(condition(Array(4).fill(refused), 1000)?.status).toBe('pending');
    const burst = condition(Array(5).fill(refused), 1000);
    if (burst === null) throw new Error('no alert');
    const told = tick(burst, WAITS, 10_000, 0);
    expect([burst.status, told.tell]).toEqual(['firing', 'firing']);
    expect(tick(told.alert, WAITS, 604_000, 0)).toMatchObject({ resolved: true, tell: null });
  });

  test('now and then are no burst', () => {
    expect(condition(Array(20).fill(refused), 30_000)?.status).toBe('pending');
  });
});

describe('a disk that gets full', () => {
  const crossed = (previous_level: string, level: string) =>
    observe(
      event('StorageThresholdCrossed', {
        ...({
          host: 'web1',
          tier: 'hot',
          tiers: ['hot', 'warm'],
          location: '/b',
          level,
          previous_level,
        } as object),
        ...{ used_percent: 91, free_bytes: 3 * 2 ** 30 },
      }),
      CONTEXT,
    );

  test('is an alert at each threshold, the worse one critical', () => {
    expect(crossed('normal', 'high')).toMatchObject({ rule: 'storage_full', severity: 'medium' });
    expect(crossed('high', 'critical')).toMatchObject({
      severity: 'critical',
      headline: 'The disk of hot, warm on web1 is 91 % full, 3.0 GiB are free: /b',
      parts: ['hot/critical'],
    });
  });

  test('clears the worse one first, and both in the end', () => {
    expect(crossed('critical', 'high')).toMatchObject({ type: 'cleared', parts: ['hot/critical'] });
    expect(crossed('high', 'normal')).toMatchObject({ type: 'cleared', parts: ['hot/high', 'hot/critical'] });
  });
});

test('a tier that works again clears its alert', () => {
  const error = { code: 'storage_full', message: 'No space left' };
  const tier = { host: 'web1', tier: 'cold', location: '/cold', error, backups_waiting: 3 };
  expect(observe(event('TierUnavailable', tier), CONTEXT)).toMatchObject({
    ...{ type: 'condition', rule: 'tier_unavailable', severity: 'high', parts: ['cold'] },
    headline: 'The tier cold of web1 cannot be used (/cold): No space left',
  });
  expect(observe(event('TierUnavailable', { ...tier, cleared_at: AT }), CONTEXT)).toMatchObject({
    ...{ type: 'cleared', parts: ['cold'] },
  });
});

test('a root that is there again clears its alert', () => {
  const root = { host: 'web1', root: '/srv', reason: 'unmounted', started_at: AT } as const;
  expect(observe(event('WatchRootLost', root), CONTEXT)).toMatchObject({
    type: 'condition',
    severity: 'critical',
  });
  expect(observe(event('WatchRootLost', { ...root, reconciled_at: AT }), CONTEXT)).toMatchObject({
    type: 'cleared',
    parts: ['/srv'],
  });
});

test('what has no rule is not asked for', () => {
  expect(OBSERVED_TYPES).not.toContain('BackupStarted');
  expect(observe(event('BackupStarted', { backup_id: 'b' }), CONTEXT)).toBeNull();
});
