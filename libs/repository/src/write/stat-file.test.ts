import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
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

const days_ago = (days: number) => new Date(Date.now() - days * 24 * 60 * 60 * 1000);

/** Lets a process write walk after walk, number n with stamps that are greater by n, and kills it; the last that it told of. */
async function walkUntilKilled(walks: number): Promise<number> {
  const script = `
    const { StatFileWriter } = await import(${JSON.stringify(new URL('./stat-file.ts', import.meta.url).href)});
    for (let walk = 0; ; walk += 1) {
      using writer = new StatFileWriter(${JSON.stringify(path)});
      for (let n = 0; n < ${COUNT}; n += 1)
        writer.add('srv\\0file-' + String(n).padStart(6, '0'), n * 900719925 + 7 + walk);
      writer.finish();
      writeSync(1, walk + '\\n');
    }`;
  const args = ['--input-type=module', '-e', `import { writeSync } from 'node:fs';${script}`];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let last = -1;
  for await (const line of createInterface({ input: child.stdout })) {
    last = Number(line);
    if (last >= walks) child.kill('SIGKILL');
  }
  return last;
}

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

  test('are those of one walk, whole, whenever a writer is killed; what it leaves is swept after a week', async () => {
    for (let round = 0; round < 4; round += 1) {
      const last = await walkUntilKilled(round * 2);
      using file = new StatFile(path);
      const isOf = (walk: number) => (n: number) => file.holds(keyOf(n), stampOf(n) + walk);
      const all = Array.from({ length: COUNT }, (_, n) => n);
      expect([last, last + 1].filter((walk) => all.every(isOf(walk)))).toHaveLength(1);
    }
    const litter = join(folder, 'walk.stat.0123456789ab');
    for (const days of [1, 8]) {
      writeFileSync(litter, 'torn');
      utimesSync(litter, days_ago(days), days_ago(days));
      using _ = new StatFileWriter(path);
      expect(readdirSync(folder).includes('walk.stat.0123456789ab')).toBe(days === 1);
    }
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
