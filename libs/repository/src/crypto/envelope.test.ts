import { randomBytes } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { HEADER_BYTES, newEnvelope, OBJECT_TYPE, type Place, readEnvelope } from './envelope.ts';
import { deriveKeys } from './keys.ts';
import { openObject, sealObject } from './sealed-object.ts';

const secrets = { master: randomBytes(32), id_secret: randomBytes(32) };
const keys = deriveKeys(randomBytes(16), secrets);
const place: Place = { type: OBJECT_TYPE.snapshot, name: 'snapshots/00112233445566778899aabbccddeeff' };
const codeOf = (work: () => unknown): string | undefined => {
  try {
    work();
    return undefined;
  } catch (error) {
    return Error.isError(error) && 'code' in error ? String(error.code) : 'no code';
  }
};

describe('a sealed object', () => {
  test('opens to what was sealed', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 3000 }), (bytes) => {
        const body = Buffer.from(bytes);
        expect(openObject(keys, place, sealObject(keys, place, body)).equals(body)).toBe(true);
      }),
    );
  });

  test('does not open with any bit flipped or any byte cut off', () => {
    const object = sealObject(keys, place, Buffer.from('what was agreed upon'));
    for (let bit = 0; bit < object.length * 8; bit += 1) {
      const flipped = Buffer.from(object);
      flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
      expect(codeOf(() => openObject(keys, place, flipped))).toMatch(/^repo_(damaged|unsupported)$/);
    }
    for (let length = 0; length < object.length; length += 1) {
      expect(codeOf(() => openObject(keys, place, object.subarray(0, length)))).toBe('repo_damaged');
    }
  });

  test('opens in its own place only', () => {
    const object = sealObject(keys, place, Buffer.from('mine'));
    const elsewhere = { ...place, name: 'snapshots/ffeeddccbbaa99887766554433221100' };
    expect(codeOf(() => openObject(keys, elsewhere, object))).toBe('repo_damaged');
    expect(codeOf(() => openObject(keys, { ...place, type: OBJECT_TYPE.index }, object))).toBe(
      'repo_damaged',
    );
    const other_repository = deriveKeys(randomBytes(16), secrets);
    expect(codeOf(() => openObject(other_repository, place, object))).toBe('repo_damaged');
  });

  test('never seals two objects with the same key', () => {
    const body = Buffer.alloc(100);
    const one = sealObject(keys, place, body);
    const other = sealObject(keys, place, body);
    expect(one.subarray(HEADER_BYTES).equals(other.subarray(HEADER_BYTES))).toBe(false);
  });

  test('keeps its sections apart', () => {
    const envelope = newEnvelope(keys, place);
    const sealed = envelope.seal(0, Buffer.from('first'));
    const again = readEnvelope(keys, place, envelope.header);
    expect(again.open(0, sealed).toString()).toBe('first');
    expect(codeOf(() => again.open(1, sealed))).toBe('repo_damaged');
  });
});
