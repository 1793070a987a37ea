import { newEvent } from '@holdfast/event-store/new-event';
import { expect, test } from '@jest/globals';
import { columnsOf, eventWords, hasWords } from './entry.ts';
import { leafHash } from './leaf-hash.ts';

const origin = { host: 'web1', service: 'monitor', clock: { now_ms: () => 1_000 } } as const;
const event = newEvent(origin, 'FileDeleted', {
  subject: '/srv/bmc/Conversación_01.json',
  actor: 'unknown',
  data: {
    host: 'web1',
    source: 'conversations',
    path: '/srv/bmc/Conversación_01.json',
    size: 3,
    checksum: `sha256:${'ab'.repeat(32)}`,
    detected_at: '2026-11-23T01:47:00.000Z',
    detected_by: 'watch',
  },
});

test('what an event is found by', () => {
  expect(columnsOf(event)).toEqual({
    id: event.id,
    type: 'FileDeleted',
    subject: '/srv/bmc/Conversación_01.json',
    source: 'holdfast/web1/monitor',
    host: 'web1',
    protected_source: 'conversations',
    actor: 'unknown',
    correlationid: event.correlationid,
    time_ms: 1_000,
  });
});

test('its words, each once, without ids, times and checksums', () => {
  expect(eventWords(event).sort()).toEqual(
    [
      '01',
      'bmc',
      'conversacion',
      'conversations',
      'filedeleted',
      'json',
      'srv',
      'unknown',
      'watch',
      'web1',
    ].sort(),
  );
});

test('it has the words that are asked for, or it has not', () => {
  expect(hasWords(event, ['json', 'conv*'])).toBe(true);
  expect(hasWords(event, ['json', 'conv'])).toBe(false);
});

test('the leaf hash is that of RFC 6962', () => {
  // The known hash of an empty leaf.
  expect(leafHash(new Uint8Array()).toString('hex')).toBe(
    '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  );
});
