import { join } from 'node:path';
import type { BlobStore } from '@holdfast/storage/blob-store';
import { createFaultyStore } from '@holdfast/storage/faulty';
import { createMemoryStore } from '@holdfast/storage/memory';
import { describe, expect, test } from '@jest/globals';
import type { CheckRequest } from '../src/api.ts';
import { openRepository } from '../src/open.ts';
import { hookStore } from './hooked-store.ts';
import { makeRepository, makeScratch, noise, problemsOf, requestOf, SECRET } from './support.ts';

async function namesIn(store: BlobStore, prefix: string): Promise<string[]> {
  return (await Array.fromAsync(store.names(prefix))).sort();
}

/** What a check asks of the store: names and lengths of gets. */
function watched(store: BlobStore) {
  const gets: { name: string; length: number }[] = [];
  const watching: BlobStore = {
    ...store,
    async get(name, range) {
      const data = await store.get(name, range);
      gets.push({ name, length: data.length });
      return data;
    },
  };
  return { watching, gets };
}

describe('check', () => {
  test('says nothing of what a snapshot needed that is forgotten and pruned meanwhile', async () => {
    using scratch = makeScratch();
    const { repository, store } = await makeRepository();
    await using _ = repository;
    scratch.write('source/gone', noise(1, 300_000));
    const { snapshot } = await repository.backup(requestOf(join(scratch.path, 'source')));
    scratch.write('source/gone', noise(2, 300_000));
    await repository.backup(requestOf(join(scratch.path, 'source')));
    let is_first = true;
    const hooked = hookStore(store, async (operation, name) => {
      if (operation !== 'list' || name !== 'packs/' || !is_first) return;
      is_first = false;
      await repository.forget([snapshot.id]);
      await repository.prune({ limits: { waste_max: 0 } });
    });
    await using checking = await openRepository(hooked, SECRET);
    expect((await problemsOf(checking)).filter(({ harmless }) => !harmless)).toEqual([]);
    expect(is_first).toBe(false);
  });

  test('says that a damaged pack is not needed where its chunks are in another, and names it', async () => {
    using scratch = makeScratch();
    scratch.write('source/a', noise(1, 300_000));
    const root = join(scratch.path, 'source');
    const { repository, store } = await makeRepository();
    await using _ = repository;
    await repository.backup(requestOf(root));
    const first = await namesIn(store, 'packs/');
    // One who sees no index stores all of it once more.
    const blind: BlobStore = {
      ...store,
      names: (prefix) => store.names(prefix === 'indexes/' ? 'none/' : prefix),
    };
    await using other = await openRepository(blind, SECRET);
    await other.backup(requestOf(root, { host: 'web2' }));
    await store.delete(first[0] ?? '');
    const problems = await problemsOf(repository);
    expect(problems).toMatchObject([{ object: first[0], problem: 'the pack is missing', harmless: true }]);
  });

  test('names each object once', async () => {
    using scratch = makeScratch();
    scratch.write('source/a', noise(1, 300_000));
    const { repository, store } = await makeRepository();
    await using _ = repository;
    await repository.backup(requestOf(join(scratch.path, 'source')));
    for (const prefix of ['indexes/', 'snapshots/', 'packs/']) {
      const [name = ''] = await namesIn(store, prefix);
      await store.delete(name);
      await store.put(name, Buffer.from('torn'));
    }
    await using checker = await openRepository(store, SECRET);
    const problems = await problemsOf(checker);
    expect(problems.length).toBeGreaterThanOrEqual(2);
    for (const { object, problem } of problems)
      expect([problem, problem.includes(object)]).toEqual([problem, false]);
  });

  test('reads nothing but trees unless data is asked for', async () => {
    using scratch = makeScratch();
    for (let n = 0; n < 6; n += 1) scratch.write(`source/${n}`, noise(n, 1_000_000));
    const { repository, store } = await makeRepository();
    await using _ = repository;
    await repository.backup(requestOf(join(scratch.path, 'source')));
    const { watching, gets } = watched(store);
    await using checker = await openRepository(watching, SECRET);
    expect(await problemsOf(checker, false)).toEqual([]);
    const from_packs = gets.filter(({ name }) => name.startsWith('packs/'));
    expect(from_packs.reduce((sum, { length }) => sum + length, 0)).toBeLessThan(50_000);
  });

  test('reads all packs in parts of one number, and tells how far it is', async () => {
    using scratch = makeScratch();
    const { repository, store } = await makeRepository();
    await using _ = repository;
    for (let n = 0; n < 12; n += 1) {
      scratch.write(`source/${n}`, noise(n, 5000));
      await repository.backup(requestOf(join(scratch.path, 'source')));
    }
    const { watching, gets } = watched(store);
    await using checker = await openRepository(watching, SECRET);
    const read = new Set<string>();
    for (const part of [1, 2, 3]) {
      const before = gets.length;
      const done: number[] = [];
      const on_progress: CheckRequest['on_progress'] = ({ bytes_done, bytes_total }) =>
        done.push(bytes_done / (bytes_total ?? 0));
      const subset = { part, of: 3 };
      await checker.check({ read_data: true, subset, on_problem: () => undefined, on_progress });
      expect(done.at(-1) ?? 1).toBe(1);
      const whole = new Map<string, number>();
      for await (const { name, size } of store.list('packs/')) whole.set(name, size);
      const now = gets.slice(before).filter(({ name, length }) => whole.get(name) === length);
      for (const { name } of now) {
        expect(read).not.toContain(name);
        read.add(name);
      }
      expect(now.length).toBeLessThan(whole.size);
    }
    expect([...read].sort()).toEqual(await namesIn(store, 'packs/'));
  });

  test('names the range of paths that a damaged node of the tree reaches', async () => {
    using scratch = makeScratch();
    for (let n = 0; n < 1000; n += 1) scratch.write(`source/${String(n).padStart(4, '0')}`, 'x');
    const root = join(scratch.path, 'source');
    const { repository, store } = await makeRepository();
    await repository.backup(requestOf(root));
    // Each further node lies in a pack of its own.
    scratch.write('source/0500', 'other');
    await repository.backup(requestOf(root));
    await repository[Symbol.asyncDispose]();
    const reaches = [];
    for (const name of await namesIn(store, 'packs/')) {
      const copy = createMemoryStore();
      for (const each of await namesIn(store, ''))
        if (each !== name) await copy.put(each, await store.get(each));
      await using checker = await openRepository(copy, SECRET);
      const [problem] = await problemsOf(checker, false);
      reaches.push(...(problem?.reaches ?? []));
    }
    expect(reaches).toContainEqual(expect.objectContaining({ path: '/', until: null }));
    const ranges = reaches.filter(({ path, until }) => path > root && until != null && until > path);
    expect(ranges.length).toBeGreaterThan(1);
    expect(reaches.every(({ snapshot_id }) => /^[0-9a-f]{32}$/.test(snapshot_id))).toBe(true);
  });

  test('names the packs of an index that is gone, and what they reach', async () => {
    using scratch = makeScratch();
    scratch.write('source/a', 'content');
    const { repository, store } = await makeRepository();
    await using _ = repository;
    const { snapshot } = await repository.backup(requestOf(join(scratch.path, 'source')));
    const [index = ''] = await namesIn(store, 'indexes/');
    await store.delete(index);
    const [pack] = await namesIn(store, 'packs/');
    expect(await problemsOf(repository)).toMatchObject([
      {
        object: pack,
        problem: expect.stringContaining('no index names it'),
        reaches: [{ snapshot_id: snapshot.id }],
      },
    ]);
  });

  test('does not take a store that fails for one that is sound', async () => {
    using scratch = makeScratch();
    scratch.write('source/a', 'content');
    const { repository, store } = await makeRepository();
    await using _ = repository;
    await repository.backup(requestOf(join(scratch.path, 'source')));
    let left = Number.POSITIVE_INFINITY;
    const faulty = createFaultyStore(store, () => (left-- > 0 ? undefined : 'before'));
    await using checker = await openRepository(faulty, SECRET);
    let tried = 0;
    for (let is_sound = false; !is_sound; tried += 1) {
      left = tried;
      const failures = faulty.happened.length;
      is_sound = await problemsOf(checker).then(
        (problems) => problems.length === 0,
        () => false,
      );
      expect(is_sound).toBe(faulty.happened.length === failures);
    }
    expect(tried).toBeGreaterThan(8);
  });
});
