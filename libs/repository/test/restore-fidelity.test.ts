import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  ftruncateSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { setTimes } from '../src/metadata.ts';
import { openRepository } from '../src/open.ts';
import { setXattrs } from '../src/set-xattrs.ts';
import { decodeXattrs, encodeXattrs } from '../src/tree/xattr-codec.ts';
import { readXattrsAt } from '../src/write/read-xattrs.ts';
import { craftRepository } from './crafted.ts';
import { makeRepository, makeScratch, noise, requestOf, SECRET } from './support.ts';

/** An ACL of POSIX as Linux keeps it: user::rw-, user:1234:r--, group::r--, mask::r--, other::---. */
const ACL = Buffer.from(
  '0200000001000600ffffffff02000400d204000004000400ffffffff10000400ffffffff20000000ffffffff',
  'hex',
);
const SPARSE_BYTES = 40_000_000;

/** A file of holes with bytes at these places. */
function writeHoled(path: string, places: Readonly<Record<number, Buffer>>): void {
  const fd = openSync(path, 'w');
  ftruncateSync(fd, SPARSE_BYTES);
  for (const [at, data] of Object.entries(places)) writeSync(fd, data, 0, data.length, Number(at));
  closeSync(fd);
}

const occupied = (path: string) => lstatSync(path).blocks * 512;

describe('a restore keeps', () => {
  test('holes as holes, of files of one chunk and of many, and gives none to a file that had none', async () => {
    using scratch = makeScratch();
    const root = join(scratch.path, 'source');
    mkdirSync(root);
    writeHoled(join(root, 'many'), {
      5: noise(1, 9000),
      20000001: noise(2, 300_000),
      39999999: Buffer.of(7),
    });
    const small = openSync(join(root, 'one'), 'w');
    ftruncateSync(small, 200_000);
    writeSync(small, 'end', 100_000);
    closeSync(small);
    writeFileSync(join(root, 'zeros'), Buffer.alloc(200_000));
    if (occupied(join(root, 'many')) >= SPARSE_BYTES) return; // This file system has no holes.
    const { repository } = await makeRepository();
    await using _ = repository;
    await repository.backup(requestOf(root));
    const target = join(scratch.path, 'target');
    const { failed } = await repository.restore({ snapshot_id: 'latest', target, subfolder: root });
    expect(failed).toEqual([]);
    for (const name of ['many', 'one', 'zeros']) {
      expect(readFileSync(join(target, name)).equals(readFileSync(join(root, name)))).toBe(true);
    }
    expect(occupied(join(target, 'many'))).toBeLessThan(1_000_000);
    expect(occupied(join(target, 'one'))).toBeLessThan(20_000);
    expect(occupied(join(target, 'zeros'))).toBeGreaterThanOrEqual(200_000);
  });

  test('extended attributes and ACLs of files and folders, read-only ones too', async () => {
    using scratch = makeScratch();
    const file = scratch.write('source/sub/file', 'x');
    const folder = join(scratch.path, 'source/sub');
    const note = { name: 'user.note', value: Buffer.from([0, 1, 255]) };
    if (setXattrs({ path: file }, [note], 'before_mode').length > 0) return; // This file system keeps none.
    setXattrs({ path: folder }, [{ name: 'user.of-folder', value: Buffer.alloc(0) }], 'before_mode');
    chmodSync(file, 0o440);
    chmodSync(folder, 0o550);
    setXattrs({ path: file }, [{ name: 'system.posix_acl_access', value: ACL }], 'after_mode');
    const { repository } = await makeRepository();
    await using _ = repository;
    await repository.backup(requestOf(folder));
    const target = join(scratch.path, 'target');
    const { failed } = await repository.restore({ snapshot_id: 'latest', target });
    expect(failed).toEqual([]);
    for (const path of [file, folder]) {
      const restored = join(target, path);
      expect(readXattrsAt(restored)).toEqual(readXattrsAt(path));
      expect(lstatSync(restored).mode).toBe(lstatSync(path).mode);
    }
    expect(decodeXattrs(readXattrsAt(join(target, file)) as Buffer)).toContainEqual(note);
  });

  test('a file whose attribute cannot be set, and names the attribute', async () => {
    using scratch = makeScratch();
    const xattrs = encodeXattrs([{ name: Buffer.from('nonsense.x'), value: Buffer.from('y') }]);
    const large = [noise(1, 300_000), noise(2, 300_000)];
    const store = await craftRepository([
      { key: 'file', entry: { xattrs } },
      { key: 'folder', entry: { kind: 'directory', mode: 0o755, xattrs } },
      { key: 'large', entry: { xattrs }, chunks: large },
    ]);
    await using repository = await openRepository(store, SECRET);
    const target = join(scratch.path, 'target');
    const { files, failed } = await repository.restore({ snapshot_id: 'latest', target });
    expect(files).toBe(2);
    expect(failed.map(({ path }) => path).sort()).toEqual(['/file', '/folder', '/large']);
    for (const { reason } of failed) expect(reason).toMatch(/^xattr nonsense\.x: E[A-Z]+/);
    expect(readFileSync(join(target, 'file'), 'utf8')).toBe('file');
    expect(readFileSync(join(target, 'large')).equals(Buffer.concat(large))).toBe(true);
  });

  test('each name of a hard link as it was when it was read, where one was read later', async () => {
    using scratch = makeScratch();
    const root = join(scratch.path, 'source');
    const [a, b] = [scratch.write('source/a', 'old'), join(root, 'b')];
    linkSync(a, b);
    const { repository } = await makeRepository();
    await using _ = repository;
    await repository.backup(requestOf(root));
    writeFileSync(b, 'newer');
    await repository.backup(requestOf(root, { changes: [b] }));
    const target = join(scratch.path, 'target');
    for (const files_unchanged of [0, 2]) {
      const result = await repository.restore({ snapshot_id: 'latest', target, subfolder: root });
      expect(result).toMatchObject({ files: 2, files_unchanged, failed: [] });
      expect(['a', 'b'].map((name) => readFileSync(join(target, name), 'utf8'))).toEqual(['old', 'newer']);
    }
  });

  test('the modes of two files of one group, though one inode has both names in the target', async () => {
    using scratch = makeScratch();
    const items = ['a', 'b', 'c'].map((key) => ({
      key,
      entry: { link_group: '1:2', mode: key === 'a' ? 0o600 : 0o640 },
      chunks: [Buffer.from('content')],
    }));
    await using repository = await openRepository(await craftRepository(items), SECRET);
    const target = join(scratch.path, 'target');
    const there = scratch.write('target/a', 'content');
    chmodSync(there, 0o640);
    setTimes(there, { mtime_ns: 1_000_000_000n });
    linkSync(there, join(target, 'b'));
    const { files, failed } = await repository.restore({ snapshot_id: 'latest', target });
    expect([files, failed]).toEqual([3, []]);
    const [one, two, three] = ['a', 'b', 'c'].map((name) => lstatSync(join(target, name)));
    expect([one?.mode, two?.mode, three?.ino]).toEqual([0o100600, 0o100640, two?.ino]);
  });

  test('what is in a folder that nobody may write, and its time', async () => {
    using scratch = makeScratch();
    scratch.write('source/closed/in/file', 'x');
    const closed = join(scratch.path, 'source/closed');
    chmodSync(join(closed, 'in'), 0o500);
    chmodSync(closed, 0o100);
    const { repository } = await makeRepository();
    await using _ = repository;
    await repository.backup(requestOf(closed));
    const target = join(scratch.path, 'target');
    for (const files_unchanged of [0, 1]) {
      const result = await repository.restore({ snapshot_id: 'latest', target, subfolder: scratch.path });
      expect(result).toMatchObject({ files: 1, files_unchanged, failed: [] });
      for (const name of ['source/closed', 'source/closed/in']) {
        const [one, other] = [scratch.path, target].map((folder) =>
          lstatSync(join(folder, name), { bigint: true }),
        );
        expect([other?.mode, other?.mtimeNs]).toEqual([one?.mode, one?.mtimeNs]);
      }
    }
    spawnSync('chmod', ['-R', 'u+rwx', scratch.path]);
  });
});

describe('a part of a snapshot', () => {
  test('is restored without a look at the rest, with the metadata of the folders above', async () => {
    using scratch = makeScratch();
    for (let n = 0; n < 3000; n += 1) scratch.write(`source/${n % 30}/${n}`, `${n}`);
    const root = join(scratch.path, 'source');
    chmodSync(join(root, '17'), 0o751);
    const { repository, store } = await makeRepository();
    await using _ = repository;
    await repository.backup(requestOf(root));
    await using reader = await openRepository(store, SECRET);
    const wanted = join(root, '17/1517');
    const seen: string[] = [];
    const select = (path: string) => {
      seen.push(path);
      return path === wanted;
    };
    const target = join(scratch.path, 'target');
    const part = { snapshot_id: 'latest', target, select, within: [wanted] };
    expect(await reader.restore(part)).toMatchObject({ files: 1, others: 0, failed: [] });
    expect(readFileSync(join(target, wanted), 'utf8')).toBe('1517');
    expect(lstatSync(join(target, root, '17')).mode).toBe(0o40751);
    expect(seen).toEqual([wanted]);

    const two = { ...part, within: [join(root, '3'), join(root, '3/33'), join(root, '9')] };
    const { files, others } = await reader.restore({ ...two, select: () => true });
    expect([files, others]).toEqual([200, 2]);
    const sub = { snapshot_id: 'latest', target: join(scratch.path, 'sub'), subfolder: wanted };
    expect(await reader.restore(sub)).toMatchObject({ files: 1 });
    expect(readFileSync(join(scratch.path, 'sub/1517'), 'utf8')).toBe('1517');
  });
});
