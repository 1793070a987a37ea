import { createHash } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Draft } from '../file-inventory/state.ts';
import { assess } from './assess.ts';
import { shapeOf } from './shape.ts';
import { type Sign, type SignContext, type SignKind, signOf } from './sign.ts';

const CONTEXT: SignContext = { at_ms: 0, shape: undefined, isCanary: () => false, isKnown: () => false };
const MINUTE = 60_000;
const noise = (bytes: number, seed = 0) =>
  new Uint8Array(createHash('shake256', { outputLength: bytes }).update(`${seed}`).digest());

function draft(type: Draft['type'], path: string, more: object = {}): Draft {
  return {
    type,
    subject: path,
    aggregateversion: 1,
    data: { source: 's', path, size: 100, ...more },
  } as never;
}

function signs(kind: SignKind, count: number, every_ms: number): Sign[] {
  return Array.from({ length: count }, (_, n) => {
    return { source: 's', path: `/kb/${n}/x`, kind, at_ms: n * every_ms, bytes: 1, entropy: null };
  });
}

describe('the shape of a file', () => {
  test('noise where text or a header is promised, at any length that says something', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1024, max: 4096 }), fc.nat(), (bytes, seed) => {
        for (const name of ['a.json', '.env', '.env.local', 'b.csv'])
          expect(shapeOf(`/kb/${name}`, noise(bytes, seed)).is_scrambled).toBe(true);
        expect(shapeOf('/kb/unknown.bin', noise(bytes, seed)).is_scrambled).toBe(false);
      }),
    );
    expect(shapeOf('/kb/a.png', noise(4096)).is_scrambled).toBe(true);
    expect(
      shapeOf('/kb/a.png', Buffer.concat([Buffer.from('\x89PNG', 'latin1'), noise(4096)])).is_scrambled,
    ).toBe(false);
  });

  test('text of any language and encoding is no noise, nor is what is short', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 400 }), (text) => {
        expect(shapeOf('/kb/a.json', Buffer.from(JSON.stringify({ text }))).is_scrambled).toBe(false);
      }),
    );
    const spanish = '¿Cuánto cuesta el isopanel de 100 mm? Señor: también, así, mañana. '.repeat(9);
    expect(shapeOf('/kb/a.txt', Buffer.from(spanish, 'latin1')).is_scrambled).toBe(false);
    expect(shapeOf('/kb/a.txt', Buffer.from(spanish, 'utf16le')).is_scrambled).toBe(false);
    expect(shapeOf('/kb/.env', noise(20)).is_scrambled).toBe(false);
    expect(shapeOf('/kb/a.json', new Uint8Array()).entropy).toBe(0);
  });
});

describe('a sign', () => {
  const shaped = { ...CONTEXT, shape: { entropy: 7.9, is_scrambled: true } };
  test.each<[string, Draft, SignContext, SignKind | undefined]>([
    ['content that became noise', draft('FileModified', '/kb/a.csv'), shaped, 'scrambled'],
    ['a new ending', draft('FileMoved', '/kb/a.json.locked', { from: '/kb/a.json' }), CONTEXT, 'renamed'],
    [
      'noise in the place of a file',
      draft('FileRegistered', '/kb/a.json.crypt'),
      { ...shaped, isKnown: () => true },
      'replaced',
    ],
    ['a loss', draft('FileDeleted', '/kb/a.json'), CONTEXT, 'deleted'],
    ['a note', draft('FileRegistered', '/kb/HOW_TO_DECRYPT_FILES.txt'), CONTEXT, 'note'],
    ['a canary', draft('FileModified', '/kb/a.csv'), { ...CONTEXT, isCanary: () => true }, 'canary'],
    ['an edit', draft('FileModified', '/kb/a.csv'), CONTEXT, undefined],
    ['a rotation', draft('FileMoved', '/kb/a.log.1', { from: '/kb/a.log' }), CONTEXT, undefined],
    ['a rename', draft('FileMoved', '/kb/b.json', { from: '/kb/a.json' }), CONTEXT, undefined],
    [
      'a new archive',
      draft('FileRegistered', '/kb/a.json.gz'),
      { ...shaped, isKnown: () => true },
      undefined,
    ],
    ['a readme', draft('FileRegistered', '/kb/README.md'), CONTEXT, undefined],
  ])('%s', (_, event, context, kind) => {
    expect(signOf(event, context)?.kind).toBe(kind);
  });
});

describe('an alarm', () => {
  test('before fifty files are gone, however it is done', () => {
    const at = (list: Sign[]) => assess(list, list.at(-1)?.at_ms ?? 0);
    for (const kind of ['scrambled', 'renamed', 'replaced'] as const)
      expect(at(signs(kind, 8, 100))?.score).toBe(1);
    expect(at(signs('deleted', 40, 100))?.reasons).toEqual(['40 files were deleted within ten minutes']);
    expect(at(signs('canary', 1, 0))).toBeDefined();
    // Slowly: one in four hours.
    expect(at(signs('scrambled', 40, 240 * MINUTE))?.window_ms).toBe(7 * 24 * 60 * MINUTE);
  });

  test('not for less', () => {
    for (const [kind, count] of [
      ['scrambled', 7],
      ['deleted', 39],
      ['note', 2],
    ] as const)
      expect(assess(signs(kind, count, 100), 0)).toBeUndefined();
    expect(assess(signs('deleted', 200, 20_000), 200 * 20_000)).toBeUndefined();
  });

  test('one file counts once, and notes of different names are none', () => {
    const [one] = signs('scrambled', 1, 0);
    expect(
      assess(
        Array.from({ length: 50 }, () => one as Sign),
        0,
      ),
    ).toBeUndefined();
    const notes = signs('note', 5, 0);
    expect(assess(notes, 0)?.signs).toHaveLength(5);
    expect(
      assess(
        notes.map((note, n) => ({ ...note, path: `/kb/${n}/note-${n}` })),
        0,
      ),
    ).toBeUndefined();
  });
});
