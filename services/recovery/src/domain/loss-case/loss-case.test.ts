import { describe, expect, test } from '@jest/globals';
import { type Candidate, type Criteria, contentProblem, judge } from './acceptance.ts';
import type { LossEvent } from './decide.ts';
import { type Attempt, conclude, handOver, leaveToPeople, openCase, startRecovering } from './decide.ts';
import { folderTimeAfter } from './folder-time.ts';
import { manualSteps, shellQuote } from './manual-steps.ts';
import { evolve, isOpen } from './state.ts';
import { DEFAULT_STEPS, skipUnavailable, stepsFor } from './strategies.ts';
import { recoveryView } from './view.ts';

const sum = (digit: string) => `sha256:${digit.repeat(64)}`;
const WANTED = sum('a');
const BAD = sum('b');
const OLD = sum('c');
const LOST_AT = '2026-11-23T01:47:00.000Z';
const LOST_AT_MS = Date.parse(LOST_AT);
const HOUR_MS = 3_600_000;

function loss(type: 'FileDeleted' | 'FileCorrupted' = 'FileDeleted'): LossEvent {
  const data = {
    host: 'web1',
    source: 'conversations',
    path: '/srv/bmc/kb 1.json',
    size: 100,
    checksum: WANTED,
    detected_at: LOST_AT,
    detected_by: 'watch',
    ...(type === 'FileCorrupted' && { reason: 'json', detail: 'cut', actual_checksum: BAD, actual_size: 3 }),
  };
  return { id: '01JDAAAAAAAAAAAAAAAAAAAAAA', type, data } as unknown as LossEvent;
}
const opened = (steps = DEFAULT_STEPS, event = loss()) =>
  startRecovering(openCase(event, { recovery_id: 'r1', steps, folder_mtime_ns: '5' }));
const placed: Attempt = {
  kind: 'placed',
  backup_id: 'backup_20261123_014600_incremental',
  snapshot_id: 's1',
  checksum: WANTED,
  bytes: 100,
  exact: true,
  quarantined_to: null,
  placed_at_ms: LOST_AT_MS + 9,
  steps_ms: { read: 2 },
};

describe('a loss case', () => {
  test('given a deletion, when its file stands again, then it is recovered and says how long that took', () => {
    const { state, ending } = conclude(opened(), placed, 8);
    expect(ending?.type).toBe('FileRecovered');
    expect(ending?.data).toMatchObject({ duration_ms: 9, exact: true, strategy: 'latest_backup' });
    const ended = ending ? evolve(state, ending) : state;
    expect(ended.status).toBe('recovered');
    expect(ended.tried).toEqual([expect.objectContaining({ outcome: 'recovered', duration_ms: 8 })]);
  });

  test('given a corruption, when it is opened, then only the judged bytes may be displaced', () => {
    expect(opened(DEFAULT_STEPS, loss('FileCorrupted')).bad_checksum).toBe(BAD);
    expect(opened().bad_checksum).toBeNull();
  });

  test('given something newer at the place, then it is superseded', () => {
    const { state, ending } = conclude(opened(), { kind: 'superseded', reason: 'newer' }, 1);
    expect(ending && evolve(state, ending).status).toBe('superseded');
  });

  test('given a failure, then it fails with its code and is not tried further', () => {
    const attempt: Attempt = { kind: 'failed', code: 'storage_full', message: 'no space' };
    const { state, ending } = conclude(opened(), attempt, 1);
    expect(ending?.data).toMatchObject({ error: { code: 'storage_full' } });
    expect(ending && evolve(state, ending).remaining).toEqual([]);
  });

  test('given no acceptable version, then a person gets commands that run', () => {
    const attempt: Attempt = { kind: 'refused', reason: 'never backed up', known: [] };
    const { state, ending } = conclude(opened(), attempt, 1);
    expect(ending).toBeNull();
    const over = handOver(skipUnavailable(state, new Set(['latest_backup'])), []);
    expect(over.data).toMatchObject({ reason: 'latest_backup: never backed up' });
    expect(evolve(state, over).status).toBe('manual');
  });

  test('given an ended case, when anything more is said about it, then it stays as it ended', () => {
    const first = conclude(opened(), placed, 1);
    const ended = first.ending ? evolve(first.state, first.ending) : first.state;
    expect(evolve(ended, handOver(ended, []))).toBe(ended);
    expect(isOpen(ended)).toBe(false);
  });

  test('given a policy of leaving it to people, then nothing is left to do', () => {
    expect(leaveToPeople(opened())).toMatchObject({ status: 'manual', remaining: [] });
  });
});

describe('strategies', () => {
  const rule = (pattern: string, ...steps: typeof DEFAULT_STEPS) => ({
    pattern,
    matches: (path: string) => path.includes(pattern),
    steps,
  });

  test('the first pattern that matches wins, else the default', () => {
    const table = [rule('kb', { strategy: 'git_history' }), rule('kb 1', { strategy: 'latest_backup' })];
    expect(stepsFor('/srv/kb 1.json', table)).toEqual([{ strategy: 'git_history' }]);
    expect(stepsFor('/srv/other', table)).toBe(DEFAULT_STEPS);
  });

  test('what is not built yet is crossed off with a reason', () => {
    const state = opened([{ strategy: 'git_history' }, { strategy: 'latest_backup', max_age_hours: 1 }]);
    const ready = skipUnavailable(state, new Set(['latest_backup']));
    expect(ready.remaining).toEqual([{ strategy: 'latest_backup', max_age_hours: 1 }]);
    expect(ready.tried).toEqual([
      { strategy: 'git_history', outcome: 'unavailable', reason: expect.any(String), duration_ms: 0 },
    ]);
  });
});

describe('acceptance', () => {
  const criteria: Criteria = {
    wanted_checksum: WANTED,
    wanted_size: 100,
    bad_checksums: new Set([BAD]),
    at_ms: null,
    max_age_hours: 1,
    now_ms: LOST_AT_MS,
  };
  const version = (checksum: string, age_ms = 0, size = 100): Candidate => ({
    checksum,
    size,
    backed_up_at_ms: LOST_AT_MS - age_ms,
  });

  test('the wanted bytes are right at any age', () => {
    expect(judge(version(WANTED, 400 * HOUR_MS), criteria).kind).toBe('exact');
  });
  test('another version is older, and only where it is young enough', () => {
    expect(judge(version(OLD, HOUR_MS / 2), criteria).kind).toBe('older');
    expect(judge(version(OLD, 2 * HOUR_MS), criteria)).toMatchObject({
      kind: 'refused',
      reason: expect.stringContaining('max_age_hours'),
    });
  });
  test('neither the corrupt bytes nor an empty file are a version', () => {
    expect(judge(version(BAD), criteria).kind).toBe('refused');
    expect(judge(version(OLD, 0, 0), criteria).kind).toBe('refused');
  });
  test('as of a time: the newest that is not younger', () => {
    const at = { ...criteria, at_ms: LOST_AT_MS - HOUR_MS };
    expect(judge(version(WANTED), at).kind).toBe('refused');
    expect(judge(version(OLD, 2 * HOUR_MS), at).kind).toBe('exact');
  });
  test('JSON has to parse unless the source says otherwise', () => {
    const cut = Buffer.from('{"a":');
    expect(contentProblem('/a.json', undefined, cut)).toContain('JSON');
    expect(contentProblem('/a.json', 'none', cut)).toBeNull();
    expect(contentProblem('/a.txt', 'json', cut)).toBeNull();
    expect(contentProblem('/a.json', undefined, Buffer.from('{}'))).toBeNull();
  });
});

describe('a folder', () => {
  const ns = (ms: number) => BigInt(ms) * 1_000_000n;
  const lost_at_ms = LOST_AT_MS;

  test('that the loss was the last to change gets its time from before', () => {
    const stored_ns = ns(LOST_AT_MS - 5_000);
    expect(folderTimeAfter({ before_ns: ns(LOST_AT_MS - 1), stored_ns, lost_at_ms })).toBe(stored_ns);
  });
  test('that changed after the loss keeps the time of that change', () => {
    const before_ns = ns(LOST_AT_MS + 700);
    expect(folderTimeAfter({ before_ns, stored_ns: ns(LOST_AT_MS - 9), lost_at_ms })).toBe(before_ns);
  });
  test('that was gone gets the stored time; one that no snapshot has is left', () => {
    expect(folderTimeAfter({ before_ns: null, stored_ns: 7n, lost_at_ms })).toBe(7n);
    expect(folderTimeAfter({ before_ns: null, stored_ns: null, lost_at_ms })).toBeNull();
  });
});

test('steps for people are quoted for a shell', () => {
  expect(shellQuote("it's here")).toBe("'it'\\''s here'");
  const steps = manualSteps(opened(), [{ snapshot_id: 'abc', backed_up_at_ms: LOST_AT_MS }]);
  expect(steps).toContain("./holdfast history '/srv/bmc/kb 1.json'");
  expect(steps.join('\n')).toContain('repo restore abc');
});

test('the report of a batch counts its files', () => {
  const { state, ending } = conclude(opened(), placed, 1);
  const cases = [ending ? evolve(state, ending) : state, leaveToPeople(opened())];
  const record = { recovery_id: 'r1', correlationid: 'c1', started_at_ms: 1, finished_at_ms: 3 };
  expect(recoveryView(record, cases)).toMatchObject({
    status: 'partial',
    duration_ms: 2,
    bytes: 100,
    counts: { files: 2, recovered: 1, manual: 1 },
  });
});
