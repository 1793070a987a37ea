import { describe, expect, test } from '@jest/globals';
import { auditQuery, EVERYTHING, fingerprint } from './query.ts';

describe('filters become a query', () => {
  test('nothing asked is everything', () => {
    expect(auditQuery({})).toEqual(EVERYTHING);
  });

  test('types with commas between', () => {
    expect(auditQuery({ type: 'FileDeleted, FileCorrupted,FileDeleted' }).types).toEqual([
      'FileDeleted',
      'FileCorrupted',
    ]);
  });

  test.each([
    ['/srv/a b.json', 'exact', '/srv/a b.json'],
    ['/srv/bmc/*', 'prefix', '/srv/bmc/'],
    ['*', 'prefix', ''],
    ['holdfast.event.*.*.db1.>', 'pattern', 'holdfast.event.*.*.db1.>'],
  ])('subject %j is %s', (subject, kind, value) => {
    expect(auditQuery({ subject }).subject).toEqual({ kind, value });
  });

  test('what types alone can say of a NATS filter is no pattern', () => {
    for (const subject of ['>', 'holdfast.>', 'holdfast.event.>', 'holdfast.event.*.*.*.*'])
      expect(auditQuery({ subject })).toEqual(EVERYTHING);
    expect(auditQuery({ subject: 'holdfast.event.file.>' }).subject).toBeNull();
    for (const subject of [
      'holdfast.event',
      'holdfast.event.*.*.*',
      'holdfast.event.*.*.*.*.>',
      'holdfast.command.>',
    ])
      expect(auditQuery({ subject }).types).toEqual([]);
  });

  test('a NATS filter names the types that it can fit', () => {
    expect(auditQuery({ subject: 'holdfast.event.>' }).types).toBeNull();
    expect(auditQuery({ subject: 'holdfast.event.*.*.db1.>' }).types).toBeNull();
    expect(auditQuery({ subject: 'holdfast.event.*.FileDeleted.>' }).types).toEqual(['FileDeleted']);
    expect(auditQuery({ subject: 'holdfast.event.recovery.>' }).types).toContain('RecoveryStarted');
    expect(auditQuery({ subject: 'holdfast.event.recovery.>' }).types).not.toContain('FileRecovered');
    expect(auditQuery({ subject: 'holdfast.event.recovery.>', type: 'FileDeleted' }).types).toEqual([]);
  });

  test('a source is a service of a host, or a protected source', () => {
    const service = auditQuery({ source: 'holdfast/web1/monitor' });
    expect([service.source, service.protected_source]).toEqual(['holdfast/web1/monitor', null]);
    const named = auditQuery({ source: 'conversations' });
    expect([named.source, named.protected_source]).toEqual([null, 'conversations']);
  });

  test('times with any offset, and days', () => {
    const { since_ms, until_ms } = auditQuery({ since: '2026-11-23', until: '2026-11-23T02:00:00+01:00' });
    expect([since_ms, until_ms]).toEqual([Date.UTC(2026, 10, 23), Date.UTC(2026, 10, 23, 1)]);
  });

  test('words, the last of each piece perhaps cut short', () => {
    expect(auditQuery({ q: 'Conversación_01* JSON json' }).words).toEqual(['conversacion', '01*', 'json']);
  });

  test.each([
    { type: 'File Deleted' },
    { type: 'FileDeleted,' },
    { subject: 'holdfast.event.>.x' },
    { subject: 'holdfast.event..x' },
    { since: '2026-11-24', until: '2026-11-23' },
    { q: '--' },
  ])('%j is a bad request that names the field', (filters) => {
    expect(() => auditQuery(filters)).toThrow(new RegExp(`^${Object.keys(filters)[0]}: `));
  });
});

test('a fingerprint is that of the question, not of how it was written', () => {
  const print = (filters: Parameters<typeof auditQuery>[0]) => fingerprint(auditQuery(filters), 'asc');
  expect(print({ type: 'A,B', q: 'x y' })).toBe(print({ type: 'B,A', q: 'Y x' }));
  expect(print({ subject: '/a' })).not.toBe(print({ subject: '/a*' }));
  expect(print({ actor: 'a' })).not.toBe(print({ host: 'a' }));
  expect(fingerprint(EVERYTHING, 'asc')).not.toBe(fingerprint(EVERYTHING, 'desc'));
});
