import { copyFileSync, rmSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { Lab } from './lab.ts';

const at = (minute: number) => new Date(Date.UTC(2025, 10, 28, 1, minute)).toISOString();
const message = (minute: number) => ({ role: 'user', content: `hola ${minute}`, timestamp: at(minute) });
const conversation = (session_id: string, messages: readonly object[] = [message(1), message(2)]) =>
  JSON.stringify({ session_id, phone: '+598 99 000 000', started_at: at(0), messages }, null, 1);
const CONVERSATIONS = { source: { validator: 'conversation' } };

describe('detectCorruptedFiles: a conversation that is damaged', () => {
  test('is told with all that is wrong, with paths and lines, and without its words', async () => {
    await using lab = await Lab.start({ files: { 'kb.json': conversation('a') }, ...CONVERSATIONS });
    writeFileSync(lab.path('kb.json'), conversation('', [message(9), { content: 'secreto' }, message(3)]));
    const { data } = await lab.until('FileCorrupted', 'kb.json');
    expect(data).toMatchObject({ reason: 'conversation', detail: data.reasons?.[0]?.detail });
    expect(data.reasons?.map(({ json_path, line, detail }) => [json_path, line, detail])).toEqual([
      ['$.session_id', 2, 'is not the id of a session'],
      ['$.messages[1]', 11, 'role is missing'],
      ['$.messages[1]', 11, 'timestamp is missing'],
      ['$.messages[2].timestamp', 17, 'lies before the message before it'],
    ]);
    expect(JSON.stringify(data)).not.toContain('secreto');
  });

  test('is told where the conversation is gone from it, or another file was copied over it', async () => {
    const files = { 'a.json': conversation('a'), 'b.json': conversation('b'), 'c.json': conversation('c') };
    await using lab = await Lab.start({ files, ...CONVERSATIONS });
    writeFileSync(lab.path('a.json'), '{}');
    expect((await lab.until('FileCorrupted', 'a.json')).data.detail).toBe(
      'no conversation is left of 1 that stood here',
    );
    copyFileSync(lab.path('b.json'), lab.path('c.json'));
    expect((await lab.until('FileCorrupted', 'c.json')).data.reasons).toEqual([
      {
        reason: 'conversation',
        detail: `is the id of a session in ${lab.path('b.json')} too`,
        json_path: '$.session_id',
        line: 2,
      },
    ]);
  });

  test('is not what a program does that moves conversations from file to file, nor a copy', async () => {
    const files = { '1.json': conversation('a'), '2.json': conversation('b'), '3.json': conversation('c') };
    await using lab = await Lab.start({ files, ...CONVERSATIONS });
    copyFileSync(lab.path('1.json'), lab.path('copy.json'));
    await lab.until('FileRegistered', 'copy.json');
    rmSync(lab.path('copy.json'));
    await lab.until('FileDeleted', 'copy.json');
    for (const [from, to] of [
      ['2.json', '3.json'],
      ['1.json', '2.json'],
    ] as const)
      copyFileSync(lab.path(from), lab.path(to));
    writeFileSync(lab.path('1.json'), conversation('new'));
    await lab.until('FileModified', '3.json');
    await lab.until('FileModified', '2.json');
    expect(await lab.of('FileCorrupted')).toEqual([]);
  });

  test('is not what holds none: a list of prices in the same source', async () => {
    await using lab = await Lab.start({ files: { 'prices.json': '{"a":1}' }, ...CONVERSATIONS });
    writeFileSync(lab.path('prices.json'), '{"a":[{"session_id":"x","messages":3}]}');
    await lab.until('FileModified', 'prices.json');
    expect(await lab.of('FileCorrupted')).toEqual([]);
  });
});

describe('JSON Schema', () => {
  const PRICES = JSON.stringify({ type: 'object', additionalProperties: { type: 'number' } });

  test('one for each pattern: what does not fit is told with all its reasons', async () => {
    await using lab = new Lab({
      files: { 'prices.json': '{"a":1}', 'rates.conf': '{"a":1}', 'other.json': '{"a":1}' },
    });
    const schema = `${lab.root}-schema.json`;
    writeFileSync(schema, PRICES);
    lab.source({ json_schema: { 'prices.json': schema, '*.conf': schema } });
    await lab.start();
    const bad = '{"a":1,\n"b":"two",\n"c":[]}';
    lab.write({ 'prices.json': bad, 'rates.conf': bad, 'other.json': bad });
    const { data } = await lab.until('FileCorrupted', 'prices.json');
    expect(data).toMatchObject({ reason: 'schema', detail: 'must be number' });
    expect(data.reasons).toEqual([
      { reason: 'schema', detail: 'must be number', json_path: '$.b', line: 2 },
      { reason: 'schema', detail: 'must be number', json_path: '$.c', line: 3 },
    ]);
    await lab.until('FileCorrupted', 'rates.conf');
    await lab.until('FileModified', 'other.json');
  });

  test('that cannot be read or is none stops the start, with the source and the file', async () => {
    await using lab = new Lab({ source: { json_schema: '/nowhere/schema.json' } });
    await expect(lab.start()).rejects.toMatchObject({
      code: 'config_invalid',
      message: expect.stringContaining('sources.lab.json_schema: /nowhere/schema.json: '),
    });
  });
});

test('an emptied file has two reasons', async () => {
  await using lab = await Lab.start({ files: { 'a.json': JSON.stringify({ text: 'x'.repeat(2000) }) } });
  writeFileSync(lab.path('a.json'), '');
  const { data } = await lab.until('FileCorrupted', 'a.json');
  expect(data.reasons?.map(({ reason }) => reason)).toEqual(['json', 'size']);
});
