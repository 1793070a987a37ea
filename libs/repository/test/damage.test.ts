import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BlobStore } from '@holdfast/storage/blob-store';
import { createMemoryStore } from '@holdfast/storage/memory';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { isRepositoryError } from '../src/errors.ts';
import { openRepository } from '../src/open.ts';
import { copyWith, harmed, harmTo, namesIn } from './harm.ts';
import { makeRepository, makeScratch, noise, problemsOf, requestOf, SECRET } from './support.ts';

/** Given by hand to repeat a run or to try many: fast-check prints the seed where it fails. */
const SEED = Number(process.env['HOLDFAST_TEST_SEED'] ?? Date.now() % 2 ** 31);
const RUNS = Number(process.env['HOLDFAST_TEST_RUNS'] ?? 50);
const TIMEOUT_MS = 180_000;

/** Files of the newest snapshot and their bytes, by their stored paths. */
type Contents = ReadonlyMap<string, Buffer>;

async function makeStored() {
  using scratch = makeScratch();
  const file = scratch.write('source/one.json', '{"content":1}');
  // Enough of them that content and tree do not share a pack.
  for (let n = 0; n < 8; n += 1) scratch.write(`source/${n}.bin`, noise(n, 300_000));
  const { repository, store } = await makeRepository();
  await using _ = repository;
  const source = join(scratch.path, 'source');
  await repository.backup(requestOf(source));
  const other = scratch.write('source/three.json', '{"content":3}');
  await repository.backup(requestOf(source));
  await repository.keys.makeKit();
  const contents: Contents = new Map(
    readdirSync(source).map((name) => [join(source, name), readFileSync(join(source, name))]),
  );
  return { store, file, other, contents };
}

/** Names of changed objects that neither opening nor a check speaks of. */
async function missedBy(
  store: BlobStore,
  changed: Record<string, Buffer | undefined>,
  found_by: { opening: number; structure: number; data: number },
): Promise<string[]> {
  const told = async (read_data: boolean) => {
    await using repository = await openRepository(store, SECRET);
    return (await problemsOf(repository, read_data)).map(({ object }) => object);
  };
  let objects: string[];
  try {
    objects = await told(true);
  } catch (error) {
    // The config, or the only slot that this secret opens, is told by name or by not opening.
    found_by.opening += 1;
    return isRepositoryError(error) ? [] : [String(error)];
  }
  found_by.data += 1;
  const missed = Object.entries(changed).filter(
    ([name, data]) => !objects.includes(name) && !isToldOtherwise(name, data, objects),
  );
  const by_structure = await told(false);
  if (by_structure.length > 0) found_by.structure += 1;
  return missed.map(([name]) => name);
}

/** What is gone cannot be named itself; the packs of an index are, and the snapshot that others were made after. */
function isToldOtherwise(name: string, data: Buffer | undefined, objects: readonly string[]): boolean {
  if (data !== undefined) return false;
  if (name.startsWith('indexes/')) return objects.some((object) => object.startsWith('packs/'));
  // Nobody was made after the newest snapshot yet; a slot that is gone opens nothing and bars nobody.
  return name.startsWith('snapshots/') || name.startsWith('keys/');
}

/** Every file comes back with its bytes, or is named, or nothing is restored and the reason is told. */
async function expectHonestRestore(store: BlobStore, contents: Contents): Promise<void> {
  using scratch = makeScratch();
  try {
    await using repository = await openRepository(store, SECRET);
    const snapshot = await repository.snapshot('latest');
    const { failed } = await repository.restore({ snapshot_id: snapshot.id, target: scratch.path });
    const lost = new Set(failed.map(({ path }) => path));
    for (const [path, data] of contents) {
      const is_in_snapshot = snapshot.files === contents.size || !path.endsWith('three.json');
      if (lost.has(path) || !is_in_snapshot) continue;
      expect(readFileSync(join(scratch.path, path)).equals(data)).toBe(true);
    }
  } catch (error) {
    if (!isRepositoryError(error)) throw error;
  }
}

async function checkCopy(store: BlobStore) {
  await using repository = await openRepository(store, SECRET);
  return await problemsOf(repository);
}

describe('damage', () => {
  test(
    'of any object, anywhere, is found, and a restore gives the right bytes or names the file',
    async () => {
      const { store, contents } = await makeStored();
      const names = await namesIn(store);
      const harm = harmTo(names);
      const found_by = { opening: 0, structure: 0, data: 0 };
      const property = fc.asyncProperty(harm, async (what) => {
        const changed = await harmed(store, names, what);
        const missed = await missedBy(await copyWith(store, changed), changed, found_by);
        expect({ what, missed }).toEqual({ what, missed: [] });
        await expectHonestRestore(await copyWith(store, changed), contents);
      });
      await fc.assert(property, { seed: SEED, numRuns: RUNS });
      // Else it would prove nothing.
      expect(Object.values(found_by).every((times) => times > 0)).toBe(true);
    },
    TIMEOUT_MS,
  );

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
