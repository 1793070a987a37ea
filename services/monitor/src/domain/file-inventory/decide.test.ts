import { describe, expect, test } from '@jest/globals';
import { acceptAbsence, type Moment, moveFile, observeAbsence, observeFile, recoverFile } from './decide.ts';
import { type Decision, evolve, type FileRow, type Sighting, type Verdict } from './state.ts';

const PATH = '/srv/a.json';
const moment: Moment = { host: 'h', now_ms: 1_000, incidentId: (source, kind) => `${kind}-${source}` };
const GOOD: Verdict = { judged: true };
const BAD: Verdict = {
  judged: true,
  problems: [{ reason: 'json', detail: 'line 1 column 1: unexpected end' }],
};
const UNJUDGED: Verdict = { judged: false };

const checksum = (content: string) => `sha256:${content.padEnd(64, '0').slice(0, 64)}`;
const facts = (content: string, size = 10) => ({
  size,
  mtime_ns: '5000000',
  ctime_ns: '5000000',
  inode: '1:2',
  checksum: checksum(content),
});
const seen = (content: string, verdict: Verdict = GOOD, more: Partial<Sighting> = {}): Sighting => ({
  path: PATH,
  source: 's',
  facts: facts(content),
  verdict,
  by: 'watch',
  ...more,
});
const rowAfter = (decision: Decision) => decision.put[0];
const typesOf = (decision: Decision) => decision.events.map(({ type }) => type);

const present = rowAfter(observeFile(undefined, seen('a'), moment)) as FileRow;
const missing = rowAfter(observeAbsence(present, { by: 'watch' }, moment)) as FileRow;
const corrupted = rowAfter(observeFile(present, seen('b', BAD), moment)) as FileRow;
const suspect = rowAfter(observeFile(undefined, seen('b', BAD), moment)) as FileRow;

describe('a file is seen', () => {
  test('given nothing known, it is registered', () => {
    const decision = observeFile(undefined, seen('a'), moment);
    expect(typesOf(decision)).toEqual(['FileRegistered']);
    expect(rowAfter(decision)).toMatchObject({ state: 'present', version: 1 });
  });

  test('given nothing known, bad content is registered as suspect: there is no good version to want back', () => {
    expect(suspect.state).toBe('suspect');
  });

  test('given it is present, the same bytes are no news, other good bytes are a change', () => {
    expect(typesOf(observeFile(present, seen('a'), moment))).toEqual([]);
    const decision = observeFile(present, seen('b'), moment);
    expect(decision.events[0]).toMatchObject({
      type: 'FileModified',
      data: { checksum: checksum('b'), previous_checksum: checksum('a') },
    });
  });

  test('given it is present, bad bytes open a case that wants the last good ones', () => {
    const decision = observeFile(present, seen('b', BAD), moment);
    expect(decision.events[0]).toMatchObject({
      type: 'FileCorrupted',
      correlationid: 'corrupted-s',
      data: { checksum: checksum('a'), actual_checksum: checksum('b'), reason: 'json' },
    });
    expect(rowAfter(decision)).toMatchObject({ state: 'corrupted', facts: { checksum: checksum('a') } });
  });

  test('given it is present, bad bytes that git means are a change', () => {
    expect(typesOf(observeFile(present, seen('b', BAD, { intended: true }), moment))).toEqual([
      'FileModified',
    ]);
  });

  test('given nobody can judge its content, only a collapse of its size is a loss', () => {
    const emptied = { ...seen('b', UNJUDGED), facts: facts('b', 0) };
    expect(observeFile(present, emptied, moment).events[0]).toMatchObject({ data: { reason: 'size' } });
    expect(typesOf(observeFile(present, seen('b', UNJUDGED), moment))).toEqual(['FileModified']);
    expect(typesOf(observeFile(present, { ...emptied, verdict: GOOD }, moment))).toEqual(['FileModified']);
  });

  test('given a scrub, a change below an unchanged stat is rot', () => {
    const decision = observeFile(present, seen('b', UNJUDGED, { scrubbed: true }), moment);
    expect(decision.events[0]).toMatchObject({ type: 'FileCorrupted', data: { reason: 'checksum' } });
  });

  test('given it is missing, the wanted bytes close the case silently, other good ones as a change', () => {
    const back = observeFile(missing, seen('a'), moment);
    expect([typesOf(back), rowAfter(back)?.state]).toEqual([[], 'present']);
    const other = observeFile(missing, seen('c'), moment);
    expect(other.events[0]).toMatchObject({ type: 'FileModified', correlationid: 'missing-s' });
  });

  test('given it is missing, bad bytes in its place are told under the same case', () => {
    const decision = observeFile(missing, seen('b', BAD), moment);
    expect(decision.events[0]).toMatchObject({ type: 'FileCorrupted', correlationid: 'missing-s' });
  });

  test('given it is corrupted, other bad bytes are no second loss', () => {
    const decision = observeFile(corrupted, seen('c', BAD), moment);
    expect(typesOf(decision)).toEqual([]);
    expect(rowAfter(decision)).toMatchObject({ state: 'corrupted', actual: { checksum: checksum('c') } });
  });

  test('given it is suspect, good bytes are its first good version', () => {
    const decision = observeFile(suspect, seen('a'), moment);
    expect([typesOf(decision), rowAfter(decision)?.state]).toEqual([['FileModified'], 'present']);
  });
});

describe('a file is gone', () => {
  test('given it is present, it is lost, once', () => {
    const decision = observeAbsence(present, { by: 'scan' }, moment);
    expect(decision.events[0]).toMatchObject({
      type: 'FileDeleted',
      correlationid: 'missing-s',
      data: { checksum: checksum('a'), detected_by: 'scan' },
    });
    expect(observeAbsence(missing, { by: 'watch' }, moment).events).toEqual([]);
  });

  test('given an excuse, it is retired, and an open case ends under its own correlation', () => {
    expect(typesOf(observeAbsence(present, { by: 'watch', excuse: 'git' }, moment))).toEqual(['FileRetired']);
    const decision = observeAbsence(missing, { by: 'watch', excuse: 'allowed' }, moment);
    expect(decision.events[0]).toMatchObject({ type: 'FileRetired', correlationid: 'missing-s' });
  });

  test('given it is corrupted, it is on its way to the quarantine', () => {
    expect(observeAbsence(corrupted, { by: 'watch' }, moment).events).toEqual([]);
  });

  test('given it was moved, the new name has its history and the old one is forgotten', () => {
    const decision = moveFile(
      present,
      { path: '/srv/b.json', source: 's', facts: facts('a'), row: undefined },
      moment,
    );
    expect(decision.events[0]).toMatchObject({
      type: 'FileMoved',
      subject: '/srv/b.json',
      data: { from: PATH },
    });
    expect(decision.remove).toEqual([PATH]);
  });
});

describe('recovery tells its outcome', () => {
  test('given it is missing, what was put back is what is wanted from now on', () => {
    const recovered = rowAfter(
      recoverFile(missing, { checksum: checksum('old'), lost_at_ms: 1_000 }),
    ) as FileRow;
    expect(typesOf(observeFile(recovered, seen('old'), moment))).toEqual([]);
    expect(typesOf(observeAbsence(recovered, { by: 'watch' }, moment))).toEqual(['FileDeleted']);
  });

  test('given it stands again already, nothing changes', () => {
    expect(recoverFile(present, { checksum: checksum('old'), lost_at_ms: 1_000 }).put).toEqual([]);
  });

  test('given it was lost again since, the end of the earlier case says nothing', () => {
    expect(recoverFile(missing, { checksum: checksum('a'), lost_at_ms: 999 }).put).toEqual([]);
  });

  test('given its absence was accepted, the case is over', () => {
    const rows = evolve(new Map([[PATH, missing]]), acceptAbsence(missing, { lost_at_ms: 1_000 }));
    expect(rows.get(PATH)?.state).toBe('retired');
  });
});
