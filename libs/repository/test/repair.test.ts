import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import type { BlobStore } from '@holdfast/storage/blob-store';
import { createFaultyStore, seededFaults } from '@holdfast/storage/faulty';
import { createLocalStore } from '@holdfast/storage/local';
import { createMemoryStore } from '@holdfast/storage/memory';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Repository, Snapshot } from '../src/api.ts';
import { isRepositoryError } from '../src/errors.ts';
import { initRepository, openRepository, rebuildConfig } from '../src/open.ts';
import { copyWith, harmed, harmTo, namesIn } from './harm.ts';
import {
  makeRepository,
  makeScratch,
  noise,
  problemsOf,
  requestOf,
  type Scratch,
  SECRET,
} from './support.ts';

/** Given by hand to repeat a run or to try many: fast-check prints the seed where it fails. */
const SEED = Number(process.env['HOLDFAST_TEST_SEED'] ?? Date.now() % 2 ** 31);
const RUNS = Number(process.env['HOLDFAST_TEST_RUNS'] ?? 8);
const TIMEOUT_MS = 180_000;

/** A repository with three snapshots, and a whole copy of it. */
async function makeTwo(scratch: Scratch, store: BlobStore = createMemoryStore()) {
  const root = join(scratch.path, 'source');
  for (let n = 0; n < 100; n += 1) scratch.write(`source/${n % 9}/${n}`, `text ${n} `.repeat(n));
  scratch.write('source/noise', noise(1, 1_200_000));
  const { repository } = await makeRepository({ store });
  await repository.backup(requestOf(root));
  scratch.write('source/0/0', 'changed');
  scratch.write('source/more', noise(2, 200_000));
  await repository.backup(requestOf(root));
  scratch.write('source/0/0', 'changed again');
  await repository.backup(requestOf(root));
  const second_store = createMemoryStore('memory:second');
  const second = await initRepository(second_store, SECRET, {
    rounds: 1000,
    ids_of: { store, secret: SECRET },
  });
  await second.copy_from(repository);
  const snapshots = await repository.snapshots();
  const contents = await contentsOf(repository);
  await repository[Symbol.asyncDispose]();
  return { store, second, second_store, root, snapshots, contents };
}

/** What the files of each snapshot hold, by its tree; every byte is read and verified. */
async function contentsOf(repository: Repository): Promise<Record<string, Record<string, string>>> {
  const contents: Record<string, Record<string, string>> = {};
  for (const snapshot of await repository.snapshots()) {
    const files: Record<string, string> = {};
    for await (const entry of repository.entries(snapshot)) {
      if (entry.kind === 'file') files[entry.path] = (await repository.read(entry)).toString('latin1');
    }
    contents[snapshot.tree] = files;
  }
  return contents;
}

const NOTHING = {
  packs_indexed: [],
  packs_taken_out: [],
  indexes_removed: [],
  chunks_from_second: 0,
  chunks_from_live: 0,
  chunks_salvaged: 0,
  snapshots_restored: [],
  bytes_stored: 0,
  problems: [],
};

async function repaired(store: BlobStore, from?: Repository) {
  await using repository = await openRepository(store, SECRET);
  return repository.repair(from === undefined ? {} : { from });
}

async function expectWhole(
  store: BlobStore,
  contents: Record<string, Record<string, string>>,
): Promise<void> {
  await using repository = await openRepository(store, SECRET);
  expect(await problemsOf(repository)).toEqual([]);
  expect(await contentsOf(repository)).toEqual(contents);
}

describe('repair', () => {
  test(
    'mends any damage of any object where a copy exists, and does nothing the second time',
    async () => {
      using scratch = makeScratch();
      const { store, second, contents } = await makeTwo(scratch);
      await using _ = second;
      const names = (await namesIn(store)).filter((name) => !/^(config|keys)/.test(name));
      const property = fc.asyncProperty(
        fc.array(harmTo(names), { minLength: 1, maxLength: 3 }),
        async (harms) => {
          const changes = await Promise.all(harms.map((harm) => harmed(store, names, harm)));
          const broken = await copyWith(store, Object.assign({}, ...changes));
          await repaired(broken, second);
          await expectWhole(broken, contents);
          expect(await repaired(broken, second)).toMatchObject(NOTHING);
        },
      );
      await fc.assert(property, { seed: SEED, numRuns: RUNS });
    },
    TIMEOUT_MS,
  );

  test('rebuilds every index from the packs', async () => {
    using scratch = makeScratch();
    const { store, second, contents } = await makeTwo(scratch);
    await second[Symbol.asyncDispose]();
    for (const name of await namesIn(store, 'indexes/')) await store.delete(name);
    expect((await repaired(store)).packs_indexed).toHaveLength((await namesIn(store, 'packs/')).length);
    await expectWhole(store, contents);
    expect(await repaired(store)).toMatchObject(NOTHING);
  });

  test('takes lost content from live files that still have it, and names what it cannot mend', async () => {
    using scratch = makeScratch();
    const { store, second, snapshots } = await makeTwo(scratch);
    await second[Symbol.asyncDispose]();
    const largest = (await Array.fromAsync(store.list('packs/'))).sort(
      (one, other) => other.size - one.size,
    )[0];
    const data = Buffer.from(await store.get(largest?.name ?? ''));
    data.fill(0, 2000, data.length - 60_000);
    const broken = await copyWith(store, { [largest?.name ?? '']: data });
    const before = await namesIn(broken);
    await using repository = await openRepository(broken, SECRET);
    const without = await repository.repair();
    expect(without.problems.map(({ object }) => object)).toContain(largest?.name);
    expect(without.problems.flatMap(({ reaches }) => reaches).map(({ snapshot_id }) => snapshot_id)).toEqual(
      expect.arrayContaining(snapshots.map(({ id }) => id)),
    );
    // Nothing goes; that nobody is to rely on the pack is noted.
    const after = await namesIn(broken);
    expect(after.filter((name) => !name.startsWith('marks/'))).toEqual(before);
    const dry = await repository.repair({ live: true, dry_run: true });
    expect(dry.chunks_from_live).toBeGreaterThan(0);
    expect(await namesIn(broken)).toEqual(after);
    const { chunks_from_live, problems } = await repository.repair({ live: true });
    expect(chunks_from_live).toBe(dry.chunks_from_live);
    // All but what the files have no more.
    const left = problems.flatMap(({ reaches }) => reaches).map(({ path }) => path);
    expect([...new Set(left)].filter((path) => !path.endsWith('/0/0'))).toEqual([]);
    // Maintenance does not take the damaged copy of a chunk for the one to keep.
    await repository.prune();
    const still = (await problemsOf(repository)).flatMap(({ reaches }) => reaches).map(({ path }) => path);
    expect(new Set(still)).toEqual(new Set(left));
  });

  test('looks into every live file that had a lost chunk: the first one may have changed', async () => {
    using scratch = makeScratch();
    // Shorter than any cut: one chunk, whatever the key of the repository.
    const content = noise(7, 200_000);
    scratch.write('a.bin', content);
    scratch.write('b.bin', content);
    const { repository: made, store } = await makeRepository();
    await made.backup(requestOf(scratch.path));
    await made[Symbol.asyncDispose]();
    scratch.write('a.bin', 'changed');
    const [largest] = (await Array.fromAsync(store.list('packs/'))).sort(
      (one, other) => other.size - one.size,
    );
    const data = Buffer.from(await store.get(largest?.name ?? ''));
    data.fill(0, 2000, 150_000);
    const broken = await copyWith(store, { [largest?.name ?? '']: data });
    await using repository = await openRepository(broken, SECRET);
    const { chunks_from_live, problems } = await repository.repair({ live: true });
    expect({ chunks_from_live, problems }).toEqual({ chunks_from_live: 1, problems: [] });
    expect(await problemsOf(repository)).toEqual([]);
  });

  test('replaces marks, tombstones and pending objects that cannot be read, so that writers can go on', async () => {
    using scratch = makeScratch();
    const { store, root, snapshots } = await makeTwo(scratch);
    await using repository = await openRepository(store, SECRET);
    await repository.forget([snapshots.at(-1)?.id ?? '']);
    await repository.prune({ limits: { waste_max: 0 } });
    const pending = `pending/${'ab'.repeat(16)}-0`;
    await store.put(pending, Buffer.alloc(100, 'x'));
    const harmed_names = [
      ...(await namesIn(store, 'marks/')),
      ...(await namesIn(store, 'tombstones/')),
      pending,
    ];
    expect(harmed_names.length).toBeGreaterThan(2);
    const damage = Object.fromEntries(harmed_names.map((name) => [name, Buffer.alloc(100, 'x')]));
    const broken = await copyWith(store, damage);
    await using opened = await openRepository(broken, SECRET);
    expect((await problemsOf(opened)).map(({ object }) => object).sort()).toEqual(harmed_names.sort());
    await expect(opened.backup(requestOf(root))).rejects.toMatchObject({ code: 'repo_damaged' });
    const { deletion_mended, problems } = await opened.repair();
    expect([...deletion_mended].sort()).toEqual(harmed_names);
    expect(problems).toEqual([]);
    expect(await problemsOf(opened)).toEqual([]);
    scratch.write('source/1/1', 'after the repair');
    await opened.backup(requestOf(root));
    expect(await problemsOf(opened)).toEqual([]);
  });

  test('a repository that lost its config is not taken for an empty place', async () => {
    using scratch = makeScratch();
    scratch.write('source/a', 'one');
    const { repository, store } = await makeRepository();
    await repository.backup(requestOf(join(scratch.path, 'source')));
    await repository[Symbol.asyncDispose]();
    const broken = await copyWith(store, { config: undefined });
    const names = await namesIn(broken);
    await expect(initRepository(broken, SECRET, { rounds: 1000 })).rejects.toMatchObject({
      code: 'repo_damaged',
      message: expect.stringContaining('--config-of'),
    });
    expect(await namesIn(broken)).toEqual(names);
  });

  test('makes a lost config again from the id alone', async () => {
    using scratch = makeScratch();
    const { store, snapshots } = await makeTwo(scratch);
    const { id } = JSON.parse((await store.get('config')).toString());
    await expect(rebuildConfig(store, SECRET, id)).rejects.toMatchObject({ code: 'bad_request' });
    const broken = await copyWith(store, { config: undefined });
    await expect(openRepository(broken, SECRET)).rejects.toMatchObject({ code: 'repo_not_found' });
    await expect(rebuildConfig(broken, SECRET, '00'.repeat(16))).rejects.toMatchObject({
      code: 'wrong_password',
    });
    await rebuildConfig(broken, SECRET, id);
    await using opened = await openRepository(broken, SECRET);
    expect(await problemsOf(opened)).toEqual([]);
    expect(await opened.snapshots()).toHaveLength(snapshots.length);
  });

  test('forgets a snapshot that is nowhere only where that is asked for', async () => {
    using scratch = makeScratch();
    const { store, second, snapshots } = await makeTwo(scratch);
    await second[Symbol.asyncDispose]();
    const [, lost] = snapshots as [Snapshot, Snapshot];
    const broken = await copyWith(store, { [`snapshots/${lost.id}`]: Buffer.from('no snapshot') });
    expect((await repaired(broken)).problems).toMatchObject([{ object: `snapshots/${lost.id}` }]);
    await using repository = await openRepository(broken, SECRET);
    const { snapshots_forgotten, problems } = await repository.repair({ forget_broken: true });
    expect({ snapshots_forgotten, problems }).toEqual({ snapshots_forgotten: [lost.id], problems: [] });
    expect(await problemsOf(repository)).toEqual([]);
    expect(await repository.snapshots()).toHaveLength(2);
  });

  test(
    'over a store that fails never makes things worse, and ends well when it is run again',
    async () => {
      using scratch = makeScratch();
      const { store, second, contents } = await makeTwo(scratch);
      await using _ = second;
      const names = (await namesIn(store)).filter((name) => !/^(config|keys)/.test(name));
      let failed = 0;
      const chances = fc.constantFrom(0.02, 0.1, 0.3);
      const property = fc.asyncProperty(harmTo(names), fc.nat(), chances, async (harm, seed, chance) => {
        const broken = await copyWith(store, await harmed(store, names, harm));
        try {
          await repaired(createFaultyStore(broken, seededFaults(seed, chance)), second);
        } catch (error) {
          if (!isRepositoryError(error)) throw error;
          failed += 1;
        }
        await repaired(broken, second);
        await expectWhole(broken, contents);
        expect(await repaired(broken, second)).toMatchObject(NOTHING);
      });
      await fc.assert(property, { seed: SEED, numRuns: RUNS });
      expect(failed).toBeGreaterThan(0);
    },
    TIMEOUT_MS,
  );

  test(
    'that ends after any number of writes leaves nothing worse, and is gone on with',
    async () => {
      using scratch = makeScratch();
      const { store, second, contents } = await makeTwo(scratch);
      await using _ = second;
      const all = await namesIn(store, 'packs/');
      const snapshots = await namesIn(store, 'snapshots/');
      const index = (await namesIn(store, 'indexes/'))[0] ?? '';
      const changes = {
        [all[0] ?? '']: (await store.get(all[0] ?? '')).subarray(0, 5000),
        [all[1] ?? '']: undefined,
        [index]: Buffer.from('no index'),
        [snapshots[0] ?? '']: Buffer.from('no snapshot'),
      };
      let writes = 0;
      for (let whole = false; !whole; writes += 1) {
        const broken = await copyWith(store, changes);
        let left = writes;
        const dying = createFaultyStore(broken, ({ kind }) => {
          if (kind === 'put' || kind === 'delete') left -= 1;
          return left < 0 ? 'before' : undefined;
        });
        whole = await repaired(dying, second).then(
          () => true,
          () => false,
        );
        if (!whole) await repaired(broken, second);
        await expectWhole(broken, contents);
        if (whole) expect(await repaired(broken, second)).toMatchObject(NOTHING);
      }
      expect(writes).toBeGreaterThan(8);
    },
    TIMEOUT_MS,
  );

  test(
    'that is killed at any moment ends well when it is run again',
    async () => {
      using scratch = makeScratch();
      const location = join(scratch.path, 'repository');
      const { second, second_store, contents } = await makeTwo(scratch, createLocalStore(location));
      await second[Symbol.asyncDispose]();
      const second_location = join(scratch.path, 'second');
      const second_local = createLocalStore(second_location);
      for (const name of await namesIn(second_store))
        await second_local.put(name, await second_store.get(name));
      const packs = await namesIn(createLocalStore(location), 'packs/');
      for (const [index, name] of packs.entries()) {
        if (index % 2 === 0) truncateSync(join(location, name), 5000);
        else rmSync(join(location, name));
      }
      const script = scratch.write('repair.mjs', repairScript(location, second_location));
      let killed = 0;
      for (const wait_ms of [0, 5, 10, 25, 60, 100, 150, 200]) killed += await killedAfter(script, wait_ms);
      expect(killed).toBeGreaterThan(3);
      await using from = await openRepository(second_local, SECRET);
      const store = createLocalStore(location);
      await repaired(store, from);
      await expectWhole(store, contents);
      expect(await repaired(store, from)).toMatchObject(NOTHING);
    },
    TIMEOUT_MS,
  );
});

/** A repair in a process of its own, which says when it has opened the repositories. */
function repairScript(location: string, second: string): string {
  const engine = JSON.stringify(new URL('../src/open.ts', import.meta.url).href);
  const local = JSON.stringify(import.meta.resolve('@holdfast/storage/local'));
  return `
    const { openRepository } = await import(${engine});
    const { createLocalStore } = await import(${local});
    const open = (path) => openRepository(createLocalStore(path), ${JSON.stringify(SECRET)});
    const [repository, from] = [await open(${JSON.stringify(location)}), await open(${JSON.stringify(second)})];
    process.stdout.write('opened');
    await repository.repair({ from });
    process.exit(0);`;
}

/** 1 where the script was killed, so long after its first word; 0 where it ended before in good order. */
async function killedAfter(script: string, wait_ms: number): Promise<number> {
  const child = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  setTimeout(() => child.kill('SIGKILL'), wait_ms);
  const [code, signal] = await once(child, 'close');
  expect([code, signal]).toEqual(signal === null ? [0, null] : [null, 'SIGKILL']);
  return signal === null ? 0 : 1;
}
