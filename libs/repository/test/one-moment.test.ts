import { cpSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import type { ReadPass } from '../src/api.ts';
import { createChunker } from '../src/chunker/fastcdc.ts';
import { openClone } from '../src/write/clone-file.ts';
import { tryStoreFile } from '../src/write/store-file.ts';
import { makeRepository, makeScratch, problemsOf, requestOf } from './support.ts';

describe('a backup that settles', () => {
  test('reads again what changed between two passes, until one finds nothing changed', async () => {
    using scratch = makeScratch();
    for (const name of ['a', 'b', 'sub/c']) scratch.write(`source/${name}`, name);
    const root = join(scratch.path, 'source');
    const { repository } = await makeRepository();
    await using _ = repository;
    await repository.backup(requestOf(root));
    const [file, gone, fresh] = ['a', 'b', 'sub/new'].map((name) => join(root, name)) as [
      string,
      string,
      string,
    ];
    const passes: ReadPass[] = [];
    const settle = async (pass: ReadPass) => {
      passes.push(pass);
      if (pass.number === 1) writeFileSync(file, 'a second');
      if (pass.number === 2) {
        writeFileSync(file, 'a third, longer');
        rmSync(gone);
        writeFileSync(fresh, 'new');
      }
      return pass.number === 1 || pass.changed > 0;
    };
    const { snapshot, stats } = await repository.backup(requestOf(root, { settle }));
    expect(passes.map(({ number, changed }) => [number, changed > 0])).toEqual([
      [1, false],
      [2, true],
      [3, true],
      [4, false],
    ]);
    expect(passes[1]?.paths).toEqual([file]);
    expect(passes[2]?.paths).toEqual(expect.arrayContaining([file, gone, fresh]));
    const stored = await repository.find(snapshot, file);
    expect(stored && String(await repository.read(stored))).toBe('a third, longer');
    expect(stats).toMatchObject({ files: 3, files_new: 1, files_changed: 1, files_removed: 1 });
    expect(await problemsOf(repository)).toEqual([]);
    const again = await repository.backup(requestOf(root, { skip_unchanged: true }));
    expect(again.unchanged).toBe(true);
  });

  test('also the first of its source, and counts each file once', async () => {
    using scratch = makeScratch();
    for (let n = 0; n < 600; n += 1) scratch.write(`source/${n}`, `${n}`);
    const root = join(scratch.path, 'source');
    const { repository } = await makeRepository();
    await using _ = repository;
    const settle = async ({ number }: ReadPass) => {
      scratch.write(`source/later-${number}`, 'x');
      return number < 3;
    };
    const { stats } = await repository.backup(requestOf(root, { settle, full: true }));
    expect(stats).toMatchObject({ files: 602, files_new: 602, files_changed: 0, files_removed: 0 });
    expect(await problemsOf(repository)).toEqual([]);
  });

  test('keeps no other backup waiting, not even one that needs threads', async () => {
    using scratch = makeScratch();
    for (let n = 0; n < 300; n += 1) scratch.write(`one/${n}`, `${n}`);
    for (let n = 0; n < 300; n += 1) scratch.write(`other/${n}`, `other ${n}`);
    const { repository } = await makeRepository();
    await using _ = repository;
    const reached = Promise.withResolvers<void>();
    const released = Promise.withResolvers<boolean>();
    const settle = () => {
      reached.resolve();
      return released.promise;
    };
    const first = repository.backup({ ...requestOf(join(scratch.path, 'one'), { settle }), source: 'one' });
    await reached.promise;
    const other = await repository.backup({ ...requestOf(join(scratch.path, 'other')), source: 'other' });
    expect(other.stats.files).toBe(300);
    released.resolve(false);
    expect((await first).stats.files).toBe(300);
    expect(await problemsOf(repository)).toEqual([]);
  });
});

test('many backups at once: each is whole', async () => {
  using scratch = makeScratch();
  const { repository } = await makeRepository();
  await using _ = repository;
  const names = ['a', 'b', 'c', 'd', 'e'];
  for (const name of names) {
    for (let n = 0; n < 200; n += 1) scratch.write(`${name}/${n}`, `${name} ${n} `.repeat(200));
  }
  const made = await Promise.all(
    names.map((name) => repository.backup({ ...requestOf(join(scratch.path, name)), source: name })),
  );
  expect(made.map(({ stats }) => stats.files)).toEqual([200, 200, 200, 200, 200]);
  expect(await problemsOf(repository)).toEqual([]);
});

test('a frozen copy is read, and stored as what it is a copy of', async () => {
  using scratch = makeScratch();
  scratch.write('live/site/a', 'then');
  scratch.write('live/site/left-out', 'x');
  const [live, frozen] = [join(scratch.path, 'live'), join(scratch.path, 'frozen')];
  const root = join(live, 'site');
  const { repository } = await makeRepository();
  await using _ = repository;
  await repository.backup(requestOf(root));
  cpSync(live, frozen, { recursive: true, preserveTimestamps: true });
  scratch.write('live/site/a', 'now');
  scratch.write('live/site/later', 'now');
  const select = (path: string) => path !== join(root, 'left-out');
  const read_at = { from: live, at: frozen };
  const { snapshot } = await repository.backup(requestOf(root, { read_at, select }));
  const entries = await Array.fromAsync(repository.entries(snapshot));
  expect(entries.map(({ path }) => path)).toEqual([root, join(root, 'a')]);
  const stored = await repository.find(snapshot, join(root, 'a'));
  expect(stored && String(await repository.read(stored))).toBe('then');
});

test('where the file system shares blocks, a file that never stands still is stored as of one moment', () => {
  using scratch = makeScratch();
  const file = scratch.write('file', 'x');
  const seen: string[] = [];
  const sink = {
    add(data: Buffer) {
      seen.push(String(data));
      scratch.write('file', 'x'.repeat(seen.length + 1));
      return { id: Buffer.alloc(32, data.length), digest: Buffer.alloc(32, data.length) };
    },
  };
  // As `FICLONE` does it where it can.
  const clone = (from: number, into: number) => {
    writeFileSync(into, readFileSync(from));
    return true;
  };
  const chunker = createChunker(Buffer.alloc(32, 1));
  const parts = { chunker, sink, openClone: (fd: number, path: string) => openClone(fd, path, clone) };
  const result = tryStoreFile(file, parts);
  expect(result).toMatchObject({ ok: true, is_steady: true, entry: { size: 4 } });
  expect(seen.at(-1)).toBe('xxxx');
});

test('where it cannot, there is no clone', () => {
  using scratch = makeScratch();
  const file = scratch.write('file', 'x');
  expect(openClone(openSync(file, 'r'), file, () => false)).toBeUndefined();
});
