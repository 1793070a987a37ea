import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { bytesToPath, isSafeKey, isWithin, keyToPath, pathToBytes, pathToKey } from './paths.ts';

const names = fc
  .uint8Array({ minLength: 1, maxLength: 12 })
  .map((bytes) => Buffer.from(bytes.map((byte) => (byte === 0 || byte === 0x2f ? 0xc3 : byte))));
const paths = fc.array(names, { minLength: 1, maxLength: 4 });
const join = (parts: readonly Buffer[]) => Buffer.concat(parts.flatMap((part) => [Buffer.from('/'), part]));

describe('a path', () => {
  test('of any bytes survives as text and as key', () => {
    fc.assert(
      fc.property(paths, (parts) => {
        const bytes = join(parts);
        const path = bytesToPath(bytes);
        expect(pathToBytes(path).equals(bytes)).toBe(true);
        expect(keyToPath(pathToKey(path))).toBe(path);
      }),
    );
  });

  test('is ordered component by component as a key', () => {
    fc.assert(
      fc.property(paths, paths, (one, other) => {
        const by_key = pathToKey(bytesToPath(join(one))) < pathToKey(bytesToPath(join(other)));
        expect(by_key).toBe(compareParts(one, other) < 0);
      }),
    );
  });

  test('has its folder and what is below it in one range', () => {
    const folder = pathToKey('/srv/a');
    expect(['/srv/a', '/srv/a/b', '/srv/a/b/c'].every((path) => isWithin(pathToKey(path), folder))).toBe(
      true,
    );
    expect(['/srv', '/srv/a.b', '/srv/ab'].some((path) => isWithin(pathToKey(path), folder))).toBe(false);
  });

  test('that could leave a target is no safe key', () => {
    expect(['a\0..\0b', '..', 'a\0\0b', 'a\0.', 'a/b'].some(isSafeKey)).toBe(false);
    expect(isSafeKey('srv\0..a\0b.')).toBe(true);
  });
});

function compareParts(one: readonly Buffer[], other: readonly Buffer[]): number {
  for (let at = 0; at < Math.max(one.length, other.length); at += 1) {
    const [left, right] = [one[at], other[at]];
    if (left === undefined || right === undefined) return one.length - other.length;
    const order = Buffer.compare(left, right);
    if (order !== 0) return order;
  }
  return 0;
}
