import { EVENTS } from '@holdfast/contracts/catalog';
import { dataSchema, parseEvent, upcast } from '@holdfast/contracts/upcast';
import { describe, expect, test } from '@jest/globals';
import { derivedId, newEvent, newId } from './new-event.ts';

const origin = { host: 'web1', service: 'backup', clock: { now_ms: () => 1_795_398_420_000 } } as const;
const bytesOf = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
const started = () =>
  newEvent(origin, 'ServiceStarted', {
    subject: 'backup',
    data: { host: 'web1', service: 'backup', version: '0.1.0' },
  });

describe('newEvent', () => {
  test('makes a CloudEvent that reads back as it was', () => {
    const event = started();
    expect(event).toMatchObject({
      type: 'ServiceStarted',
      source: 'holdfast/web1/backup',
      time: '2026-11-23T01:47:00.000Z',
      dataschema: 'holdfast:ServiceStarted:1',
      actor: 'holdfast',
    });
    expect(parseEvent(bytesOf(event))).toEqual(event);
  });

  test('an event that answers another carries its correlation, its trace and its id', () => {
    const cause = { ...started(), traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01` };
    const answer = newEvent(origin, 'ServiceStarted', { subject: 'x', data: cause.data, cause });
    expect(answer.correlationid).toBe(cause.correlationid);
    expect(answer.causationid).toBe(cause.id);
    expect(answer.traceparent).toBe(cause.traceparent);
  });

  test('data that does not fit is refused and the field is named', () => {
    const data = { host: 'web1', service: 'backup' } as never;
    expect(() => newEvent(origin, 'ServiceStarted', { subject: 'x', data })).toThrow(/version/);
  });
});

test('ids of one millisecond grow; a derived id is the same each time', () => {
  const ids = Array.from({ length: 50 }, () => newId(5));
  expect(ids.toSorted()).toEqual(ids);
  expect(derivedId('snapshot 1', 5)).toBe(derivedId('snapshot 1', 5));
  expect(derivedId('snapshot 1', 5)).toMatch(/^[0-9A-HJKMNP-TV-Z]{26}$/);
  expect(derivedId('snapshot 2', 5)).not.toBe(derivedId('snapshot 1', 5));
});

describe('parseEvent', () => {
  test.each([
    ['no JSON', new Uint8Array([0xff]), /not UTF-8 JSON/],
    ['no envelope', bytesOf({ type: 'ServiceStarted' }), /envelope/],
    ['a type nobody knows', bytesOf({ ...started(), type: 'Nonsense' }), /unknown event type/],
    ['a newer version', bytesOf({ ...started(), dataschema: 'holdfast:ServiceStarted:9' }), /version 9/],
    ['another schema', bytesOf({ ...started(), dataschema: 'holdfast:FileMoved:1' }), /dataschema/],
    ['wrong data', bytesOf({ ...started(), data: {} }), /data of ServiceStarted: host/],
  ])('refuses %s', (_what, bytes, reason) => {
    expect(() => parseEvent(bytes)).toThrow(reason);
  });
});

test('old data is raised step by step', () => {
  const raises = [
    (data: unknown) => ({ ...(data as object), second: 2 }),
    (data: unknown) => ({ ...(data as object), third: 3 }),
  ];
  const raised = (version: number) =>
    upcast('ServiceStarted', `holdfast:ServiceStarted:${version}`, {}, { newest: 3, raises });
  expect(raised(1)).toEqual({ second: 2, third: 3 });
  expect(raised(2)).toEqual({ third: 3 });
  expect(raised(3)).toEqual({});
});

test('every version of the catalogue can be raised to the newest', () => {
  for (const [type, { version }] of Object.entries(EVENTS))
    for (let old = 1; old < version; old += 1)
      expect(() => upcast(type as never, dataSchema(type as never), {})).not.toThrow();
  expect(Object.keys(EVENTS).length).toBeGreaterThan(20);
});
