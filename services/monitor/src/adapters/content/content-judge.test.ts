import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ContentJudge, type Opinion } from './content-judge.ts';
import type { KnownSessions } from './known-sessions.ts';

const NO_SESSIONS: KnownSessions = {
  of: () => new Set(),
  holderOf: () => undefined,
  [Symbol.dispose]: () => undefined,
};
const SCHEMA = JSON.stringify({
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  type: 'object',
  required: ['version'],
  properties: {
    version: { type: 'string' },
    prices: { type: 'array', items: { type: 'number', minimum: 0 } },
  },
  additionalProperties: false,
});

interface Asked {
  schema?: string;
  conversation?: boolean;
  /** Walked over in pieces of so many bytes, not parsed as a whole. */
  streamed_by?: number;
  sessions?: KnownSessions;
}

function judge(content: string | Uint8Array, asked: Asked = {}): Opinion | undefined {
  const { conversation = false, schema, streamed_by, sessions = NO_SESSIONS } = asked;
  const bytes = Buffer.from(content);
  const whole_bytes_max = streamed_by === undefined ? 1e9 : -1;
  const parts = { schemas: { 's.json': schema ?? '' }, sessions, whole_bytes_max };
  const checks = { source: 'lab', json: true, conversation, ...(schema && { schema: 's.json' }) };
  const reading = new ContentJudge(parts).begin('/a.json', checks, bytes.length);
  const step = streamed_by ?? 1 << 20;
  const pieces = Array.from({ length: Math.ceil(bytes.length / step) }, (_, index) =>
    bytes.subarray(index * step, (index + 1) * step),
  );
  for (const piece of pieces) reading?.write(piece);
  return reading?.end(() => pieces);
}

const problemsOf = (content: string, asked: Asked = {}) => judge(content, asked)?.verdict.problems ?? [];
const both = [{}, { streamed_by: 3 }];

describe.each(both)('syntax, asked with %j', (how) => {
  test.each([
    ['{"a": 1,\n "b": }', 2, 7],
    ['[1, 2', 1, 6],
    ['', 1, 1],
    ['{"a": 1} x', 1, 10],
    ['{"a" 1}', 1, 6],
    ['{"a":1,}', 1, 8],
    ['[1 2]', 1, 4],
  ])('%j is told with its line and column', (content, line, column) => {
    expect(problemsOf(content, how)).toEqual([
      { reason: 'json', detail: expect.stringContaining(`line ${line} column ${column}`), line, column },
    ]);
  });

  test.each(['{"a":[1,-2.5e3,true,null,"é\\n"]}', ' 7 ', '\ufeff{}', '"text"', '[]'])(
    '%j is good',
    (content) => {
      expect(judge(content, how)?.verdict).toEqual({ judged: true });
    },
  );

  test('what breaks off may be on its way', () => {
    expect([judge('{"a":', how)?.quiet_ms, judge('{"a"}', how)?.quiet_ms]).toEqual([250, 0]);
  });

  test('what is not UTF-8 is no JSON', () => {
    const bytes = Buffer.from([0x22, 0xc3, 0x28, 0x22]);
    expect(judge(bytes, how)?.verdict.problems?.[0]?.reason).toBe('json');
  });
});

test('a document that is walked over is judged as one in memory is', () => {
  const broken = fc
    .tuple(fc.jsonValue(), fc.nat(), fc.string({ maxLength: 2 }))
    .map(([value, place, put]) => {
      const text = JSON.stringify(value, null, 1);
      const at = place % (text.length + 1);
      return text.slice(0, at) + put + text.slice(at + put.length);
    });
  fc.assert(
    fc.property(broken, fc.integer({ min: 1, max: 9 }), (text, streamed_by) => {
      fc.pre(text.isWellFormed());
      const [whole, streamed] = [judge(text), judge(text, { streamed_by })];
      // In memory, digits at the end that no number begins with are taken for one that is on its way: that only waits.
      if (streamed?.quiet_ms !== 0) expect(whole?.quiet_ms).toBe(streamed?.quiet_ms);
      expect(streamed?.verdict.problems?.[0]?.line).toBe(whole?.verdict.problems?.[0]?.line);
    }),
    { numRuns: 500, endOnFailure: true },
  );
});

describe('JSON Schema', () => {
  test('all that does not fit is told, each with its place and line', () => {
    const document = '{\n "prices": [1,\n  "2",\n  -3],\n "more": 1\n}';
    expect(problemsOf(document, { schema: SCHEMA })).toEqual([
      { reason: 'schema', detail: "must have required property 'version'", json_path: '$', line: 1 },
      { reason: 'schema', detail: 'must NOT have additional properties: "more"', json_path: '$', line: 1 },
      { reason: 'schema', detail: 'must be number', json_path: '$.prices[1]', line: 3 },
      { reason: 'schema', detail: 'must be >= 0', json_path: '$.prices[2]', line: 4 },
    ]);
  });
});

describe('conversations', () => {
  const good = (session_id: string) => ({ session_id, messages: [{ role: 'user', content: 'hola' }] });
  const document = JSON.stringify(
    { conversations: [good('a'), { ...good('a'), messages: [{ role: 'user' }, 7] }, good('c')] },
    null,
    1,
  );

  test('in a document of any size are judged alike', () => {
    const whole = judge(document, { conversation: true });
    expect(judge(document, { conversation: true, streamed_by: 5 })).toEqual(whole);
    expect(whole?.verdict.problems).toEqual([
      {
        reason: 'conversation',
        detail: 'is the id of another session in this file',
        json_path: '$.conversations[1].session_id',
        line: 13,
      },
      {
        reason: 'conversation',
        detail: 'content is missing',
        json_path: '$.conversations[1].messages[0]',
        line: 15,
      },
      {
        reason: 'conversation',
        detail: 'is not a message',
        json_path: '$.conversations[1].messages[1]',
        line: 18,
      },
    ]);
    expect(whole?.sessions?.filter((session) => !session.startsWith('#')).length).toBe(2);
  });

  const strange = {
    session_id: 'a',
    messages: [
      { quien: 'ana', texto: 'hola' },
      { quien: 'bot', texto: 'sí' },
    ],
  };
  const times = (...seconds: number[]) => ({
    ...good('a'),
    messages: seconds.map((second) => ({ role: 'user', content: 'x', timestamp: 1764291600 + second })),
  });

  test('in a form that nobody told us of are no damage', () => {
    for (const form of [
      strange,
      times(9, 5, 1),
      { messages: [] },
      { ...good('a'), started_at: '28 nov, 13 h' },
    ]) {
      const opinion = judge(JSON.stringify(form), { conversation: true });
      expect([opinion?.verdict.problems, opinion?.verdict.notes?.length]).toEqual([
        undefined,
        expect.any(Number),
      ]);
    }
  });

  test('in another form than the good version had are damaged', () => {
    const before = judge(JSON.stringify(times(1, 5)), { conversation: true })?.sessions ?? [];
    const sessions = { ...NO_SESSIONS, of: () => new Set(before) };
    for (const form of [
      strange,
      times(9, 5, 1),
      { messages: [] },
      { ...good('a'), started_at: '28 nov, 13 h' },
    ]) {
      expect(problemsOf(JSON.stringify(form), { conversation: true, sessions })[0]?.reason).toBe(
        'conversation',
      );
    }
  });

  test('that stood here and are gone are a loss', () => {
    const sessions = { ...NO_SESSIONS, of: () => new Set(['x', 'y']) };
    expect(problemsOf('{}', { conversation: true, sessions })).toEqual([
      {
        reason: 'conversation',
        detail: 'no conversation is left of 2 that stood here',
        json_path: '$',
        line: 1,
      },
    ]);
  });

  test('of another file over those that stood here are a loss, beside them they are only told', () => {
    const mine = judge(JSON.stringify(good('mine')), { conversation: true })?.sessions ?? [];
    const sessions = {
      ...NO_SESSIONS,
      of: () => new Set(mine),
      holderOf: (id: string) => (mine.includes(id) ? undefined : '/b.json'),
    };
    const over = judge(JSON.stringify(good('other')), { conversation: true, sessions });
    expect(over).toMatchObject({ quiet_ms: 2000 });
    expect(over?.verdict.problems?.[0]?.detail).toBe('is the id of a session in /b.json too');
    const beside = judge(JSON.stringify([good('mine'), good('other')]), { conversation: true, sessions });
    expect(beside).toMatchObject({
      quiet_ms: 0,
      verdict: { judged: true, notes: [{ json_path: '$[1].session_id' }] },
    });
    expect(beside?.verdict.problems).toBeUndefined();
  });
});
