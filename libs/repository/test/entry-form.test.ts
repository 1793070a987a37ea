import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import type { Snapshot } from '../src/api.ts';
import { chunkId, sha256 } from '../src/crypto/keys.ts';
import { engineOf } from '../src/engine-of.ts';
import { openRepository } from '../src/open.ts';
import { pathToKey } from '../src/paths.ts';
import { findValue } from '../src/tree/cursor.ts';
import { decodeEntry } from '../src/tree/entry-codec.ts';
import { craftFrom } from './crafted.ts';
import { makeRepository, makeScratch, noise, problemsOf, requestOf, SECRET } from './support.ts';

describe('the entry of a file of one chunk', () => {
  test('does not hold the id of the chunk, which can be had all the same', async () => {
    using scratch = makeScratch();
    const { repository } = await makeRepository();
    await using _repository = repository;
    const engine = engineOf(repository);
    const one = scratch.write('one', 'one chunk');
    const two = scratch.write('two', noise(1, 9_000_000));
    const none = scratch.write('none', '');
    const { snapshot } = await repository.backup(requestOf(scratch.path));
    const storedIds = async (path: string) => {
      const value = await findValue(engine.nodes.load, snapshot.tree, pathToKey(path));
      return decodeEntry(value as Buffer).ids?.length;
    };
    expect(await storedIds(one)).toBeUndefined();
    expect(await storedIds(two)).toBeGreaterThan(32);
    expect(await storedIds(none)).toBe(0);
    const entry = await repository.find(snapshot, one);
    expect(entry?.chunks).toEqual([chunkId(engine.keys, sha256(Buffer.from('one chunk'))).toString('hex')]);
    expect(await problemsOf(repository)).toEqual([]);
    await repository.prune({ limits: { waste_max: 0 } });
    expect(await problemsOf(repository)).toEqual([]);
  });

  test('may hold it, as it did once: the file has not changed, and lies beside others as they are now', async () => {
    using scratch = makeScratch();
    const names = ['a', 'b', 'c'];
    const paths = names.map((name) => scratch.write(`files/${name}`, `content of ${name}`));
    const store = await craftFrom(paths);
    await using repository = await openRepository(store, SECRET);
    const [old] = (await repository.snapshots()) as [Snapshot];
    const request = requestOf(paths[0] as string, { host: 'h', source: 's', roots: paths });
    const again = await repository.backup({ ...request, full: true, skip_unchanged: true });
    expect(again).toMatchObject({ unchanged: true, stats: { files_new: 0, files_changed: 0 } });

    scratch.write('files/b', 'another content');
    const { snapshot, stats } = await repository.backup({ ...request, full: true });
    expect(stats).toMatchObject({ files_new: 0, files_changed: 1, files: 3 });
    const differences = await Array.fromAsync(repository.diff(old, snapshot));
    expect(differences.map(({ path }) => path)).toEqual([paths[1]]);
    const fresh = await repository.backup({ ...request, host: 'another' });
    expect(fresh.snapshot.tree).not.toBe(snapshot.tree);
    expect(await Array.fromAsync(repository.diff(snapshot, fresh.snapshot))).toEqual([]);

    expect(await problemsOf(repository)).toEqual([]);
    for (const [id, wanted] of [
      [old.id, ['content of a', 'content of b', 'content of c']],
      [snapshot.id, ['content of a', 'another content', 'content of c']],
    ] as const) {
      const target = join(scratch.path, `target-${id}`);
      await repository.restore({ snapshot_id: id, target });
      expect(paths.map((path) => readFileSync(join(target, path), 'utf8'))).toEqual(wanted);
    }
  });
});
