import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  existsSync,
  ftruncateSync,
  linkSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import koffi from 'koffi';
import type { Entry, Progress, Repository } from '../src/api.ts';
import { createChunker } from '../src/chunker/fastcdc.ts';
import type { ChunkSink } from '../src/write/chunk-sink.ts';
import { storeBatch } from '../src/write/store-batch.ts';
import { tryStoreFile } from '../src/write/store-file.ts';
import { makeRepository, makeScratch, noise, requestOf } from './support.ts';

const library = koffi.load(null);
const lsetxattr = library.func(
  'int lsetxattr(const char *path, const char *name, const uint8_t *value, uintptr_t size, int flags)',
);
const setXattr = (path: string, name: string, value: Buffer) =>
  lsetxattr(path, name, value, value.length, 0) === 0;
const mkfifo = library.func('int mkfifo(const char *path, uint32_t mode)');
const mkdirat = library.func('int mkdirat(int folder, const char *name, uint32_t mode)');
const openat = library.func('int openat(int folder, const char *name, int flags, uint32_t mode)');

/** An ACL of POSIX as Linux keeps it: user::rw-, user:1234:r--, group::r--, mask::r--, other::---. */
const ACL = Buffer.from(
  '0200000001000600ffffffff02000400d204000004000400ffffffff10000400ffffffff20000000ffffffff',
  'hex',
);

async function entryAt(repository: Repository, path: string): Promise<Entry> {
  const entry = await repository.find(await repository.snapshot('latest'), path);
  if (entry === undefined) throw new Error(`${path} is not in the snapshot`);
  return entry;
}

/** A folder below `folder` so deep that its path is longer than the system takes. */
function digTooDeep(folder: string, name: string, levels: number): void {
  let fd = openSync(folder, 'r');
  for (let level = 0; level < levels; level += 1) {
    mkdirat(fd, name, 0o755);
    const next = openat(fd, name, 0, 0);
    closeSync(fd);
    fd = next;
  }
  closeSync(fd);
}

describe('a backup keeps', () => {
  test('extended attributes and ACLs of files and folders, and sees one that changes', async () => {
    using scratch = makeScratch();
    const file = scratch.write('source/file', 'x');
    const root = join(scratch.path, 'source');
    const large = Buffer.alloc(2000, 3);
    if (!setXattr(file, 'user.note', Buffer.from([0, 1, 255]))) return; // This file system keeps none.
    setXattr(file, 'user.large', large);
    setXattr(file, 'user.empty', Buffer.alloc(0));
    setXattr(root, 'user.of-folder', Buffer.from('folder'));
    const has_acl = setXattr(file, 'system.posix_acl_access', ACL);
    const { repository } = await makeRepository();
    await using _ = repository;
    await repository.backup(requestOf(root));

    const wanted = [
      ...(has_acl ? [{ name: 'system.posix_acl_access', value: ACL }] : []),
      { name: 'user.empty', value: Buffer.alloc(0) },
      { name: 'user.large', value: large },
      { name: 'user.note', value: Buffer.from([0, 1, 255]) },
    ];
    expect((await entryAt(repository, file)).xattrs).toEqual(wanted);
    expect((await entryAt(repository, root)).xattrs).toEqual([
      { name: 'user.of-folder', value: Buffer.from('folder') },
    ]);

    setXattr(file, 'user.note', Buffer.from('other'));
    setXattr(root, 'user.of-folder', Buffer.from('changed'));
    const { stats } = await repository.backup(requestOf(root));
    expect(stats.files_changed).toBe(1);
    expect((await entryAt(repository, file)).xattrs?.at(-1)?.value.toString()).toBe('other');
    expect((await entryAt(repository, root)).xattrs?.at(-1)?.value.toString()).toBe('changed');
  });

  test('more attributes of one file than most have', async () => {
    using scratch = makeScratch();
    const file = scratch.write('source/file', 'x');
    // Their names take more than a first look has room for.
    const names = Array.from({ length: 20 }, (_, n) => `user.${'n'.repeat(50)}${String(n).padStart(2, '0')}`);
    if (!names.every((name) => setXattr(file, name, Buffer.from(name)))) return; // This file system keeps none.
    const { repository } = await makeRepository();
    await using _ = repository;
    await repository.backup(requestOf(join(scratch.path, 'source')));
    const wanted = names.map((name) => ({ name, value: Buffer.from(name) }));
    expect((await entryAt(repository, file)).xattrs).toEqual(wanted);
  });

  test('that a file has holes, and no such thing of one that has none', async () => {
    using scratch = makeScratch();
    const holed = scratch.write('source/holed', 'start');
    const dense = scratch.write('source/dense', noise(1, 100_000));
    const fd = openSync(holed, 'r+');
    ftruncateSync(fd, 9_000_000);
    writeSync(fd, 'end', 8_500_000);
    closeSync(fd);
    const { repository } = await makeRepository();
    await using _ = repository;
    const { stats } = await repository.backup(requestOf(join(scratch.path, 'source')));
    expect((await entryAt(repository, holed)).sparse).toBe(true);
    expect((await entryAt(repository, dense)).sparse).toBeUndefined();
    expect(stats.bytes_stored).toBeLessThan(200_000);
  });

  test('every name of a folder of 100,000', async () => {
    using scratch = makeScratch();
    const root = join(scratch.path, 'source');
    mkdirSync(root);
    // Names of two files: a tenth of the time that as many files or symlinks take to make.
    const ofName = (n: number) => join(root, `${n}`);
    for (let n = 0; n < 100_000; n += 1) {
      if (n % 50_000 === 0) writeFileSync(ofName(n), 'x');
      else linkSync(ofName(n - (n % 50_000)), ofName(n));
    }
    const { repository } = await makeRepository();
    await using _ = repository;
    const { stats, snapshot } = await repository.backup(requestOf(root));
    expect(stats).toMatchObject({ files: 100_000, unreadable: [] });
    const groups = new Map<string | undefined, number>();
    for await (const { kind, link_group } of repository.entries(snapshot, root)) {
      if (kind === 'file') groups.set(link_group, (groups.get(link_group) ?? 0) + 1);
    }
    expect([...groups.values()]).toEqual([50_000, 50_000]);
    expect([...groups.keys()]).not.toContain(undefined);
    rmSync(join(root, '50001'));
    const second = await repository.backup(requestOf(root));
    expect(second.stats).toMatchObject({ files: 99_999, files_removed: 1, files_new: 0 });
    const differences = await Array.fromAsync(repository.diff(snapshot, second.snapshot));
    expect(differences.map(({ path }) => path)).toEqual([root, join(root, '50001')]);
  });

  test('a tree of 200 levels', async () => {
    using scratch = makeScratch();
    const file = scratch.write(`source/${'deep/'.repeat(200)}file`, 'bottom');
    const { repository } = await makeRepository();
    await using _ = repository;
    await repository.backup(requestOf(join(scratch.path, 'source')));
    expect((await repository.read(await entryAt(repository, file))).toString()).toBe('bottom');
  });
});

describe('a backup names', () => {
  test('what lies deeper than a path can say, and keeps all else', async () => {
    using scratch = makeScratch();
    const file = scratch.write('source/file', 'x');
    const root = join(scratch.path, 'source');
    digTooDeep(root, 'n'.repeat(250), 20);
    try {
      const { repository } = await makeRepository();
      await using _ = repository;
      const { stats } = await repository.backup(requestOf(root));
      expect(stats.unreadable).toEqual([
        { path: expect.stringContaining('nnn'), reason: expect.stringContaining('ENAMETOOLONG') },
      ]);
      expect((await entryAt(repository, file)).size).toBe(1);
    } finally {
      spawnSync('rm', ['-rf', root]);
    }
  });

  test('fifos and sockets, opens none, and keeps the file beside them', async () => {
    using scratch = makeScratch();
    scratch.write('source/file', 'x');
    const root = join(scratch.path, 'source');
    mkfifo(join(root, 'fifo'), 0o644);
    symlinkSync('fifo', join(root, 'link-to-fifo'));
    using server = disposable(createServer());
    server.value.listen(join(root, 'socket'));
    await once(server.value, 'listening');
    const { repository } = await makeRepository();
    await using _ = repository;
    const { stats, snapshot } = await repository.backup(requestOf(root));
    expect(stats.unreadable).toEqual([]);
    expect(stats.skipped?.map(({ path }) => path)).toEqual([join(root, 'fifo'), join(root, 'socket')]);
    const entries = await Array.fromAsync(repository.entries(snapshot));
    expect(entries.map(({ kind }) => kind)).toEqual(['directory', 'file', 'symlink']);
  });
});

describe('what does not stand still', () => {
  test('while it is read is read again, until it does', async () => {
    using scratch = makeScratch();
    const file = scratch.write('file', 'before');
    const seen: string[] = [];
    const sink = {
      add(data: Buffer) {
        seen.push(data.toString());
        // As another process would, between the read and the second look at the file.
        if (seen.length === 1) scratch.write('file', 'after, and longer');
        return { id: Buffer.alloc(32, seen.length), digest: Buffer.alloc(32, seen.length) };
      },
    };
    const chunker = createChunker(Buffer.alloc(32, 1));
    const result = tryStoreFile(file, { chunker, sink: sink as unknown as ChunkSink });
    expect(seen).toEqual(['before', 'after, and longer']);
    expect(result).toMatchObject({ ok: true, entry: { size: 17, digest: Buffer.alloc(32, 2) } });
  });

  test('at all is stored as it was read last, and told', () => {
    using scratch = makeScratch();
    const file = scratch.write('file', 'x');
    let reads = 0;
    const sink = {
      add(data: Buffer) {
        reads += 1;
        scratch.write('file', 'x'.repeat(reads + 1));
        return { id: Buffer.alloc(32, data.length), digest: Buffer.alloc(32, data.length) };
      },
    };
    const parts = { chunker: createChunker(Buffer.alloc(32, 1)), sink: sink as unknown as ChunkSink };
    const stored = storeBatch([file], { ...parts, stampOf: () => 0, openClone: () => undefined });
    expect(reads).toBeGreaterThan(1);
    expect(stored).toMatchObject({ unsteady: [0], failures: [] });
  });

  test('and is gone before it is read is no file of the snapshot, and no failure', async () => {
    using scratch = makeScratch();
    const root = join(scratch.path, 'source');
    for (const name of ['a', 'folder/in/it', 'vanishing', 'z']) scratch.write(`source/${name}`, name);
    const { repository } = await makeRepository();
    await using _ = repository;
    await repository.backup(requestOf(root));
    const select = (path: string) => {
      // Just when the walk has come upon it.
      if (path.endsWith('/vanishing') || path.endsWith('/folder')) rmSync(path, { recursive: true });
      return true;
    };
    const { stats, snapshot } = await repository.backup(requestOf(root, { select, full: true }));
    expect(stats).toMatchObject({ files: 2, files_removed: 2, unreadable: [] });
    const files = (await Array.fromAsync(repository.entries(snapshot))).filter(({ kind }) => kind === 'file');
    expect(files.map(({ path }) => path)).toEqual([join(root, 'a'), join(root, 'z')]);
  });

  test('a root that is taken away while it is read is named, and what was not reached stays as it was', async () => {
    using scratch = makeScratch();
    for (let n = 0; n < 600; n += 1) scratch.write(`source/${1000 + n}`, `${n}`);
    const root = join(scratch.path, 'source');
    const { repository } = await makeRepository();
    await using _ = repository;
    await repository.backup(requestOf(root));
    let left = 300;
    const select = () => {
      left -= 1;
      if (left === 0) renameSync(root, join(scratch.path, 'elsewhere'));
      return true;
    };
    const { stats, snapshot } = await repository.backup(requestOf(root, { select }));
    expect(stats.unreadable).toEqual([{ path: root, reason: 'it was taken away while it was read' }]);
    expect(await repository.find(snapshot, join(root, '1599'))).toMatchObject({ size: 3 });
  });

  test('a root that is taken away while named changes are looked at loses nothing', async () => {
    using scratch = makeScratch();
    const root = join(scratch.path, 'source');
    const changes = Array.from({ length: 100 }, (_, n) =>
      scratch.write(`source/${n % 10}/${1000 + n}`, `${n}`),
    );
    const { repository } = await makeRepository();
    await using _ = repository;
    await repository.backup(requestOf(root));
    let left = 50;
    const select = (path: string) => {
      if (path.length > join(root, '0').length) left -= 1;
      if (left === 0) renameSync(root, join(scratch.path, 'elsewhere'));
      return true;
    };
    const { stats } = await repository.backup(requestOf(root, { select, changes }));
    expect(stats).toMatchObject({ files: 100, files_removed: 0 });
    expect(stats.unreadable).toEqual([{ path: root, reason: 'it was taken away while it was read' }]);
  });

  test('a root that is taken away between the walk and the reading loses no file', async () => {
    using scratch = makeScratch();
    for (const name of ['a', 'b', 'c']) scratch.write(`source/${name}`, name);
    const root = join(scratch.path, 'source');
    const { repository } = await makeRepository();
    await using _ = repository;
    await repository.backup(requestOf(root));
    const on_progress = ({ files_total }: Progress) => {
      // All is walked over, and nothing read yet.
      if (files_total !== null && existsSync(root)) renameSync(root, join(scratch.path, 'elsewhere'));
    };
    const { stats, snapshot } = await repository.backup(requestOf(root, { full: true, on_progress }));
    expect(stats).toMatchObject({ files: 3, files_removed: 0 });
    expect(stats.unreadable).toEqual([{ path: root, reason: 'it was taken away while it was read' }]);
    expect(await repository.find(snapshot, join(root, 'b'))).toMatchObject({ size: 1 });
  });
});

function disposable<Value extends { close(): unknown }>(value: Value): { value: Value } & Disposable {
  return { value, [Symbol.dispose]: () => void value.close() };
}
