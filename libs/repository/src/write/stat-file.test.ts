import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { StatFile, StatFileWriter } from './stat-file.ts';

const COUNT = 10_000;
const keyOf = (n: number) => `srv\0file-${String(n).padStart(6, '0')}`;
const stampOf = (n: number) => n * 900_719_925 + 7;

let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-stat-'));
  path = join(folder, 'walk.stat');
  using writer = new StatFileWriter(path);
  for (let n = 0; n < COUNT; n += 1) writer.add(keyOf(n), stampOf(n));
  writer.finish();
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('the stamps of a walk', () => {
  test('are found by their keys, and no other stamp is', () => {
    using file = new StatFile(path);
    for (let n = 0; n < COUNT; n += 97) {
      expect(file.holds(keyOf(n), stampOf(n))).toBe(true);
      expect(file.holds(keyOf(n), stampOf(n) + 1)).toBe(false);
    }
    expect(file.holds('aaa', stampOf(0))).toBe(false);
  });

  test('of a walk that did not end are not kept, and those of the one before stand', () => {
    {
      using writer = new StatFileWriter(path);
      writer.add(keyOf(1), 1);
    }
    using file = new StatFile(path);
    expect(file.holds(keyOf(1), stampOf(1))).toBe(true);
    expect(readdirSync(folder)).toEqual(['walk.stat']);
  });

  test('in a file that is torn anywhere are those that are left of it, never others', () => {
    const whole = readFileSync(path);
    for (const length of [0, 5, 40, 32_000, whole.length - 1]) {
      writeFileSync(path, whole.subarray(0, length));
      using file = new StatFile(path);
      expect(file.holds(keyOf(COUNT - 1), stampOf(COUNT - 1))).toBe(false);
      expect(file.holds(keyOf(0), stampOf(0))).toBe(length > 40_000);
    }
    rmSync(path);
    using none = new StatFile(path);
    expect(none.holds(keyOf(0), stampOf(0))).toBe(false);
  });

  test('that are carried over from one block are found under each key that they stand for', () => {
    using last = new StatFile(path);
    const near = last.near(keyOf(5));
    const next = join(folder, 'next.stat');
    using writer = new StatFileWriter(next);
    writer.add(keyOf(0), stampOf(0));
    writer.addBlock(keyOf(5), near?.stamps ?? new Float64Array());
    const { block } = writer;
    writer.add(keyOf(9_999), stampOf(9_999));
    writer.finish();
    using file = new StatFile(next);
    for (const n of [5, 6, 4_000]) expect(file.holds(keyOf(n), stampOf(n))).toBe(true);
    expect(file.near(keyOf(6))?.block).toBe(block);
    expect(file.holds(keyOf(9_999), stampOf(9_999))).toBe(true);
  });
});
