import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BlobStore } from '@holdfast/storage/blob-store';
import { createFaultyStore } from '@holdfast/storage/faulty';
import { createLocalStore } from '@holdfast/storage/local';
import { createMemoryStore } from '@holdfast/storage/memory';
import { describe, expect, test } from '@jest/globals';
import type { Repository } from '../src/api.ts';
import type { PruneResult } from '../src/maintain/prune.ts';
import { openRepository } from '../src/open.ts';
import {
  makeRepository,
  makeScratch,
  noise,
  problemsOf,
  requestOf,
  type Scratch,
  SECRET,
} from './support.ts';

/** Opens and closes: while it is full only what was freed from the reserve can be put. */
interface SmallStore {
  readonly store: BlobStore;
  readonly tell: { is_full: boolean; reserve: number; readonly spent: string[] };
}

/** A store whose disk is full when the test says so, with room in its reserve for so many puts. */
function smallStore(): SmallStore {
  const tell = { is_full: false, reserve: 0, spent: [] as string[] };
  let granted = 0;
  const inner: BlobStore = {
    ...createMemoryStore(),
    async freeReserve() {
      if (tell.reserve === 0) return false;
      tell.reserve -= 1;
      granted += 1;
      return true;
    },
  };
  const store = createFaultyStore(inner, ({ kind, name }) => {
    if (kind !== 'put' || !tell.is_full) return undefined;
    if (granted === 0) return 'full';
    granted -= 1;
    tell.spent.push(name.slice(0, name.indexOf('/')));
    return undefined;
  });
  return { store, tell };
}

/** Small files, which share packs; most of them go at once. */
function writeMany(scratch: Scratch): void {
  for (let n = 0; n < 40; n += 1)
    scratch.write(`source/${n % 4 === 0 ? 'stays' : 'goes'}/${n}`, noise(n, 5000));
}

/** Three snapshots: what only the first needs shares packs with what the third needs, the second fills packs of its own. */
async function makeThree(scratch: Scratch, repository: Repository) {
  const root = join(scratch.path, 'source');
  writeMany(scratch);
  const first = await repository.backup(requestOf(root));
  rmSync(join(root, 'goes'), { recursive: true });
  scratch.write('source/goes-too', noise(100, 2_000_000));
  const second = await repository.backup(requestOf(root));
  rmSync(join(root, 'goes-too'));
  const third = await repository.backup(requestOf(root));
  return { first: first.snapshot, second: second.snapshot, third: third.snapshot };
}

async function bytesOf(store: BlobStore, prefix: string): Promise<number> {
  let bytes = 0;
  for await (const { size } of store.list(prefix)) bytes += size;
  return bytes;
}

describe('on a store that is full', () => {
  test('forget and prune free space with what the reserve has', async () => {
    using scratch = makeScratch();
    const { store, tell } = smallStore();
    const { repository } = await makeRepository({ store });
    await using _ = repository;
    const { first, second } = await makeThree(scratch, repository);
    const before = await bytesOf(store, 'packs/');
    Object.assign(tell, { is_full: true, reserve: 10 });
    await repository.forget([first.id, second.id]);
    const result = await repository.prune();
    expect(tell.spent).toEqual(expect.arrayContaining(['tombstones', 'marks']));
    expect(tell.spent).not.toContain('packs');
    // What is needed of the packs of small files had to be written anew, for which there was no room.
    expect(result).toMatchObject({ packs_rewritten: 0, packs_left: expect.any(Number) });
    expect(before - (await bytesOf(store, 'packs/'))).toBeGreaterThan(1_900_000);
    expect(await problemsOf(repository)).toEqual([]);
    tell.is_full = false;
    expect(await repository.prune()).toMatchObject({ packs_rewritten: result.packs_left });
    expect(await bytesOf(store, 'packs/')).toBeLessThan(100_000);
    expect(await problemsOf(repository)).toEqual([]);
  });

  test('without a reserve, or with too little of it, nothing is lost, and it is said', async () => {
    using scratch = makeScratch();
    const { store, tell } = smallStore();
    const { repository } = await makeRepository({ store });
    await using _ = repository;
    const { first, second, third } = await makeThree(scratch, repository);
    tell.is_full = true;
    await expect(repository.forget([first.id])).rejects.toMatchObject({ code: 'storage_full' });
    tell.reserve = 2;
    await repository.forget([first.id, second.id]);
    for (tell.reserve = 0; ; tell.reserve += 1) {
      const outcome = await repository.prune().catch((error: unknown) => error);
      expect(await problemsOf(repository)).toEqual([]);
      if (!Error.isError(outcome)) break;
      expect(outcome).toMatchObject({ code: 'storage_full' });
    }
    expect((await repository.snapshots()).map(({ id }) => id)).toEqual([third.id]);
  });

  test('where nothing can go without being written anew, prune says that there is no room, and leaves no litter', async () => {
    using scratch = makeScratch();
    const { store, tell } = smallStore();
    const { repository } = await makeRepository({ store });
    await using _ = repository;
    const root = join(scratch.path, 'source');
    writeMany(scratch);
    const { snapshot } = await repository.backup(requestOf(root));
    rmSync(join(root, 'goes'), { recursive: true });
    await repository.backup(requestOf(root));
    Object.assign(tell, { is_full: true, reserve: 20 });
    await repository.forget([snapshot.id]);
    let before: number;
    let outcome: unknown;
    do {
      before = await bytesOf(store, 'packs/');
      outcome = await repository.prune().catch((error: unknown) => error);
      // Packs of nodes, which can go as they are, go at first.
    } while ((outcome as PruneResult).packs_removed > 0);
    expect(outcome).toMatchObject({ code: 'storage_full' });
    expect(await bytesOf(store, 'packs/')).toBe(before);
    expect(await problemsOf(repository)).toEqual([]);
  });
});

const isRoot = process.getuid?.() === 0;

/** A small file system of its own, so that it can be filled. */
function smallDisk(path: string, size: string): Disposable {
  mkdirSync(path, { recursive: true });
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', path]);
  return { [Symbol.dispose]: () => execFileSync('umount', ['-l', path]) };
}

function fillUp(folder: string): void {
  for (let bytes = 1 << 20; bytes >= 4096; bytes >>= 1) {
    for (let n = 0; ; n += 1) {
      try {
        writeFileSync(join(folder, `filler-${bytes}-${n}`), Buffer.alloc(bytes), { flag: 'wx' });
      } catch (error) {
        expect(error).toMatchObject({ code: 'ENOSPC' });
        break;
      }
    }
  }
}

(isRoot ? test : test.skip)('a disk that is really full, with the cache on it too', async () => {
  using scratch = makeScratch();
  const disk = join(scratch.path, 'disk');
  using _disk = smallDisk(disk, '48m');
  const place = { store: createLocalStore(join(disk, 'repository')), cache_dir: join(disk, 'cache') };
  const made = await makeRepository(place);
  const { first, second, third } = await makeThree(scratch, made.repository);
  // A small repository keeps no reserve.
  for (let n = 0; n < 12; n += 1) {
    await made.repository.backup(
      requestOf(scratch.write(`more/${n}`, noise(1000 + n, 20_000)), { source: 'more' }),
    );
  }
  await made.repository[Symbol.asyncDispose]();
  // Another process writes into what holds packs: it makes the reserve.
  const store = createLocalStore(join(disk, 'repository'));
  const again = await openRepository(store, SECRET, { cache_dir: place.cache_dir });
  await again.backup(requestOf(join(scratch.path, 'source')));
  await again[Symbol.asyncDispose]();
  expect(readdirSync(join(disk, 'repository/tmp/reserve')).length).toBeGreaterThan(0);
  fillUp(disk);
  await using repository = await openRepository(createLocalStore(join(disk, 'repository')), SECRET, {
    cache_dir: place.cache_dir,
  });
  await repository.forget([first.id, second.id]);
  const { packs_removed } = await repository.prune();
  expect(packs_removed).toBeGreaterThan(0);
  expect(await problemsOf(repository)).toEqual([]);
  expect((await repository.snapshots()).map(({ id }) => id)).toContain(third.id);
});
