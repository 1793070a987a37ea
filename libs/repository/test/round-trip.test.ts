import {
  chmodSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { setTimes } from '../src/metadata.ts';
import { makeRepository, makeScratch, noise, problemsOf, requestOf } from './support.ts';

/** All that a restore has to bring back of a tree, by name. */
function describeTree(folder: Buffer, prefix = ''): Record<string, unknown> {
  const found: Record<string, unknown> = {};
  for (const name of readdirSync(folder, { encoding: 'buffer' })) {
    const path = Buffer.concat([folder, Buffer.from('/'), name]);
    const stat = lstatSync(path, { bigint: true });
    const key = `${prefix}/${name.toString('latin1')}`;
    let content = '';
    if (stat.isFile()) content = readFileSync(path).toString('base64');
    else if (stat.isSymbolicLink()) content = readlinkSync(path, { encoding: 'buffer' }).toString('latin1');
    found[key] = {
      mode: stat.mode,
      uid: stat.uid,
      mtime_ns: stat.mtimeNs,
      links: stat.isDirectory() ? 0 : stat.nlink,
      content,
    };
    if (stat.isDirectory()) Object.assign(found, describeTree(path, key));
  }
  return found;
}

function makeOddTree(root: string): void {
  mkdirSync(join(root, 'deep/er/and/deeper'), { recursive: true });
  mkdirSync(join(root, 'empty folder'));
  writeFileSync(join(root, 'empty'), '');
  writeFileSync(join(root, 'big.bin'), noise(7, 9_000_000));
  writeFileSync(join(root, 'big.txt'), 'the same line again\n'.repeat(500_000));
  writeFileSync(join(root, 'deep/er/and/deeper/ñandú \u{1f600}.json'), '{"ok":true}');
  writeFileSync(
    Buffer.concat([Buffer.from(`${root}/deep/latin-`), Buffer.from([0xe9, 0xff, 0x0a, 0x22])]),
    'bytes',
  );
  writeFileSync(join(root, 'script.sh'), '#!/bin/sh\n');
  chmodSync(join(root, 'script.sh'), 0o4751);
  symlinkSync(Buffer.concat([Buffer.from('../nowhere/'), Buffer.from([0xfe])]), join(root, 'dangling'));
  symlinkSync('/etc/hostname', join(root, 'deep/absolute'));
  linkSync(join(root, 'script.sh'), join(root, 'deep/other name'));
  setTimes(join(root, 'empty'), { mtime_ns: -1_234_567_890_123_456_789n });
  setTimes(join(root, 'script.sh'), { mtime_ns: 1_700_000_000_123_456_789n });
  setTimes(join(root, 'dangling'), { mtime_ns: 1_600_000_000_000_000_001n });
  setTimes(join(root, 'deep/er'), { mtime_ns: 999_999_999n });
  chmodSync(join(root, 'empty folder'), 0o1500);
}

describe('a backup that is restored', () => {
  test('brings back names, bytes, modes, times to the nanosecond, symlinks and hard links', async () => {
    using scratch = makeScratch();
    const root = join(scratch.path, 'source');
    mkdirSync(root);
    makeOddTree(root);
    const { repository } = await makeRepository();
    await using _ = repository;
    const { stats } = await repository.backup(requestOf(root));
    expect(stats.unreadable).toEqual([]);

    const target = join(scratch.path, 'target');
    const restored = await repository.restore({ snapshot_id: 'latest', target });
    expect(restored.failed).toEqual([]);
    expect(describeTree(Buffer.from(join(target, root)))).toEqual(describeTree(Buffer.from(root)));
    expect(lstatSync(join(target, root), { bigint: true }).mtimeNs).toBe(
      lstatSync(root, { bigint: true }).mtimeNs,
    );
    expect(await problemsOf(repository)).toEqual([]);
  });

  test('puts one folder straight into the target, or what is chosen', async () => {
    using scratch = makeScratch();
    scratch.write('source/a/one.json', '1');
    scratch.write('source/a/b/two.json', '2');
    scratch.write('source/c/three.txt', '3');
    const root = join(scratch.path, 'source');
    const { repository } = await makeRepository();
    await using _ = repository;
    const { snapshot } = await repository.backup(requestOf(root));

    const folder = join(scratch.path, 'folder');
    await repository.restore({ snapshot_id: snapshot.id, target: folder, subfolder: join(root, 'a') });
    expect(Object.keys(describeTree(Buffer.from(folder))).sort()).toEqual(['/b', '/b/two.json', '/one.json']);

    const chosen = join(scratch.path, 'chosen');
    const select = (path: string) => path.endsWith('.txt');
    const result = await repository.restore({ snapshot_id: snapshot.id, target: chosen, select });
    expect(result.files).toBe(1);
    expect(readFileSync(join(chosen, root, 'c/three.txt'), 'utf8')).toBe('3');
    expect(readdirSync(join(chosen, root))).toEqual(['c']);

    const dry = await repository.restore({
      snapshot_id: snapshot.id,
      target: join(scratch.path, 'dry'),
      dry_run: true,
    });
    expect(dry.files).toBe(3);
    expect(readdirSync(scratch.path)).not.toContain('dry');
  });

  test('replaces what stands in the way, but never through a symlink', async () => {
    using scratch = makeScratch();
    const file = scratch.write('source/in/file', 'stored');
    scratch.write('source/other', 'also stored');
    const root = join(scratch.path, 'source');
    const { repository } = await makeRepository();
    await using _ = repository;
    await repository.backup(requestOf(root));

    const outside = scratch.write('outside/file', 'precious');
    const target = join(scratch.path, 'target');
    mkdirSync(join(target, scratch.path, 'source'), { recursive: true });
    symlinkSync(join(scratch.path, 'outside'), join(target, scratch.path, 'source/in'));
    symlinkSync(outside, join(target, scratch.path, 'source/other'));
    const { failed } = await repository.restore({ snapshot_id: 'latest', target });
    expect(failed.map(({ path }) => path)).toContain(file);
    expect(readFileSync(outside, 'utf8')).toBe('precious');
    expect(readFileSync(join(target, scratch.path, 'source/other'), 'utf8')).toBe('also stored');
  });

  test('gives one file back, whole or in pieces, and every version of it', async () => {
    using scratch = makeScratch();
    const file = scratch.write('source/file', noise(1, 5_000_000));
    const root = join(scratch.path, 'source');
    const { repository } = await makeRepository();
    await using _ = repository;
    const first = await repository.backup(requestOf(root));
    scratch.write('source/file', 'second');
    await repository.backup(requestOf(root));
    await repository.backup(requestOf(root));

    const entry = await repository.find(first.snapshot, file);
    if (entry === undefined) throw new Error('the file is not found');
    expect((await repository.read(entry)).equals(noise(1, 5_000_000))).toBe(true);
    const pieces = await Array.fromAsync(repository.read_stream(entry));
    expect(Buffer.concat(pieces).equals(noise(1, 5_000_000))).toBe(true);
    const versions = await Array.fromAsync(repository.versions(file));
    expect(versions.map((version) => version.entry.size)).toEqual([6, 5_000_000]);
    expect(await repository.find(first.snapshot, join(root, 'nothing'))).toBeUndefined();
  });

  test('reads many files, each once, with their bytes', async () => {
    using scratch = makeScratch();
    for (let n = 0; n < 50; n += 1) scratch.write(`source/${n}`, `content of ${n}`);
    const { repository } = await makeRepository();
    await using _ = repository;
    const { snapshot } = await repository.backup(requestOf(join(scratch.path, 'source')));
    const entries = await Array.fromAsync(repository.entries(snapshot));
    const seen = new Map<string, string>();
    await repository.read_many(
      entries.filter(({ kind }) => kind === 'file'),
      async (entry, data) => {
        seen.set(entry.path, data.toString());
      },
    );
    expect(seen.size).toBe(50);
    expect(seen.get(join(scratch.path, 'source/17'))).toBe('content of 17');
  });
});
