import { join } from 'node:path';
import type { BlobStore } from '@holdfast/storage/blob-store';
import { createMemoryStore } from '@holdfast/storage/memory';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { openRepository } from '../src/open.ts';
import { makeRepository, makeScratch, noise, problemsOf, requestOf, SECRET } from './support.ts';

async function namesIn(store: BlobStore, prefix = ''): Promise<string[]> {
  return (await Array.fromAsync(store.names(prefix))).sort();
}

/** A copy of a store in which some objects are other than they were; undefined: gone. */
async function copyWith(store: BlobStore, changed: Record<string, Buffer | undefined>): Promise<BlobStore> {
  const copy = createMemoryStore();
  for (const name of await namesIn(store)) {
    const data = name in changed ? changed[name] : await store.get(name);
    if (data !== undefined) await copy.put(name, data);
  }
  return copy;
}

async function makeStored() {
  using scratch = makeScratch();
  const file = scratch.write('source/one.json', '{"content":1}');
  // Enough of them that content and tree do not share a pack.
  for (let n = 0; n < 8; n += 1) scratch.write(`source/${n}.bin`, noise(n, 300_000));
  const { repository, store } = await makeRepository();
  await using _ = repository;
  await repository.backup(requestOf(join(scratch.path, 'source')));
  const other = scratch.write('source/three.json', '{"content":3}');
  await repository.backup(requestOf(join(scratch.path, 'source')));
  return { store, file, other };
}

async function checkCopy(store: BlobStore) {
  await using repository = await openRepository(store, SECRET);
  return await problemsOf(repository);
}

describe('damage', () => {
  test('of any object, anywhere, is found', async () => {
    const { store } = await makeStored();
    const names = (await namesIn(store)).filter((name) => !name.startsWith('keys/') && name !== 'config');
    const where = fc.record({ name: fc.constantFrom(...names), at: fc.nat(1_000_000), bit: fc.nat(7) });
    const property = fc.asyncProperty(where, async ({ name, at, bit }) => {
      const data = Buffer.from(await store.get(name));
      const index = at % data.length;
      data[index] = (data[index] as number) ^ (1 << bit);
      const problems = await checkCopy(await copyWith(store, { [name]: data }));
      expect(problems.map(({ object }) => object)).toContain(name);
    });
    await fc.assert(property, { numRuns: 60 });
  });

  test('names every object that is missing or cut short, and every file that it reaches', async () => {
    const { store, file } = await makeStored();
    const snapshots = await namesIn(store, 'snapshots/');
    let reached = 0;
    for (const name of await namesIn(store, 'packs/')) {
      for (const data of [undefined, (await store.get(name)).subarray(0, 100)]) {
        const problems = await checkCopy(await copyWith(store, { [name]: data }));
        expect(problems.map(({ object }) => object)).toContain(name);
        const ids = problems.flatMap(({ reaches }) => reaches).filter(({ path }) => path === file);
        if (ids.length === snapshots.length) reached += 1;
      }
    }
    expect(reached).toBe(2);
  });

  test('is told when two objects are swapped or a snapshot is taken away', async () => {
    const { store } = await makeStored();
    for (const prefix of ['packs/', 'snapshots/', 'indexes/']) {
      const [one, other] = (await namesIn(store, prefix)) as [string, string];
      const swapped = await copyWith(store, { [one]: await store.get(other), [other]: await store.get(one) });
      const problems = await checkCopy(swapped);
      expect(problems.map(({ object }) => object)).toEqual(expect.arrayContaining([one, other]));
    }
    const removed = await Promise.all(
      (await namesIn(store, 'snapshots/')).map(async (name) =>
        checkCopy(await copyWith(store, { [name]: undefined })),
      ),
    );
    // The newest one is named by nobody yet; the one before it is.
    expect(removed.filter((problems) => problems.length > 0)).toHaveLength(1);
  });

  test('of the config or of the only key slot is told when the repository is opened', async () => {
    const { store } = await makeStored();
    const config = JSON.parse((await store.get('config')).toString());
    const opened = async (change: object) => {
      const changed = Buffer.from(JSON.stringify({ ...config, ...change }));
      const copy = await copyWith(store, { config: changed });
      return openRepository(copy, SECRET).catch((error: { code: string }) => error.code);
    };
    expect(await opened({ created: 'never' })).toBe('repo_damaged');
    expect(await opened({ features: 'none' })).toBe('repo_damaged');
    expect(await opened({ id: '0'.repeat(32) })).toBe('wrong_password');
    await expect(openRepository(store, { password: 'wrong' })).rejects.toMatchObject({
      code: 'wrong_password',
    });
    await expect(openRepository(createMemoryStore(), SECRET)).rejects.toMatchObject({
      code: 'repo_not_found',
    });
  });

  test('is not what a newer version is taken for: it is refused with one clear line', async () => {
    const { store } = await makeStored();
    const config = JSON.parse((await store.get('config')).toString());
    const refusal = async (newer: object) => {
      const copy = await copyWith(store, { config: Buffer.from(JSON.stringify(newer)) });
      return openRepository(copy, SECRET).catch(({ code, message }) => [code, message]);
    };
    const line = (what: string) => [
      'repo_unsupported',
      `memory: uses ${what}, which this Holdfast does not know`,
    ];
    expect(await refusal({ ...config, version: 2 })).toEqual(line('format version 2'));
    expect(await refusal({ format: config.format, version: 3, flags: 7 })).toEqual(line('format version 3'));
    expect(await refusal({ ...config, features: ['time-travel', 'x'] })).toEqual(
      line('features time-travel, x'),
    );
  });

  test('of one key slot does not bar another', async () => {
    const { repository, store } = await makeRepository();
    await using _ = repository;
    const [first = ''] = await namesIn(store, 'keys/');
    await repository.keys.add({ secret: { password: 'another' }, label: 'second', rounds: 1000 });
    const slot = JSON.parse((await store.get(first)).toString());
    for (const change of [{ rounds: 1 }, { sealed: 'AAAA' }, { version: 2 }, { id: '0'.repeat(32) }]) {
      const copy = await copyWith(store, { [first]: Buffer.from(JSON.stringify({ ...slot, ...change })) });
      await using opened = await openRepository(copy, { password: 'another' });
      expect(opened.id).toBe(repository.id);
      await expect(openRepository(copy, SECRET)).rejects.toMatchObject({ name: 'RepositoryError' });
    }
  });

  test('of one file leaves the others to be restored', async () => {
    const { store, file, other } = await makeStored();
    const outcomes = await Promise.all(
      (await namesIn(store, 'packs/')).map(async (name) => {
        await using repository = await openRepository(await copyWith(store, { [name]: undefined }), SECRET);
        const [snapshot] = await repository.snapshots();
        const read = async (path: string) => {
          const entry = snapshot && (await repository.find(snapshot, path));
          return entry === undefined ? 'nothing' : (await repository.read(entry)).toString();
        };
        return await Promise.all(
          [file, other].map((path) => read(path).catch((error: { code: string }) => error.code)),
        );
      }),
    );
    expect(outcomes).toContainEqual(['repo_damaged', '{"content":3}']);
    expect(outcomes).toContainEqual(['{"content":1}', 'repo_damaged']);
  });
});
