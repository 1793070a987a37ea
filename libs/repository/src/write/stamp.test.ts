import { describe, expect, test } from '@jest/globals';
import type { FileStat } from './file-stat.ts';
import { createStamper } from './stamp.ts';

const STAT: FileStat = {
  kind: 'file',
  size: 5_000_000_000,
  mode: 0o644,
  uid: 0,
  gid: 0,
  nlink: 1,
  mtime_seconds: -5,
  mtime_rest_ns: 999_999_999,
  ctime_seconds: 1_700_000_000,
  ctime_rest_ns: 1,
  dev_major: 8,
  dev_minor: 1,
  ino_low: 12,
  ino_high: 0,
  is_sparse: false,
};
const DIGEST = Buffer.alloc(32, 9);

describe('a stamp', () => {
  test('is a whole number that is the same for the same', () => {
    const stampOf = createStamper(Buffer.alloc(32, 1));
    expect(Number.isSafeInteger(stampOf(STAT, DIGEST))).toBe(true);
    expect(stampOf({ ...STAT }, Buffer.from(DIGEST))).toBe(stampOf(STAT, DIGEST));
    expect(createStamper(Buffer.alloc(32, 2))(STAT, DIGEST)).not.toBe(stampOf(STAT, DIGEST));
  });

  test('is another wherever the file may be another', () => {
    const stampOf = createStamper(Buffer.alloc(32, 1));
    const whole = stampOf(STAT, DIGEST);
    const told: (keyof FileStat)[] = [
      ...(['size', 'mtime_seconds', 'mtime_rest_ns', 'ctime_seconds', 'ctime_rest_ns'] as const),
      ...(['ino_low', 'ino_high'] as const),
    ];
    for (const field of told)
      expect(stampOf({ ...STAT, [field]: Number(STAT[field]) + 1 }, DIGEST)).not.toBe(whole);
    expect(stampOf({ ...STAT, size: STAT.size + 2 ** 32 }, DIGEST)).not.toBe(whole);
    expect(stampOf(STAT, Buffer.alloc(32, 8))).not.toBe(whole);
  });

  test('is the same where the volume is mounted again, or a frozen copy of it is', () => {
    const stampOf = createStamper(Buffer.alloc(32, 1));
    expect(stampOf({ ...STAT, dev_major: 253, dev_minor: 7 }, DIGEST)).toBe(stampOf(STAT, DIGEST));
  });

  test('is hardly ever that of another', () => {
    const stampOf = createStamper(Buffer.alloc(32, 3));
    const seen = new Set<number>();
    for (let n = 0; n < 100_000; n += 1) {
      seen.add(stampOf({ ...STAT, ino_low: n % 1000, ctime_rest_ns: Math.floor(n / 1000) }, DIGEST));
    }
    expect(seen.size).toBe(100_000);
  });
});
