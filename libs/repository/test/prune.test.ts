import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { BlobStore } from '@holdfast/storage/blob-store';
import { describe, expect, test } from '@jest/globals';
import type { Repository } from '../src/api.ts';
import { openRepository } from '../src/open.ts';
import { hookStore } from './hooked-store.ts';
import { makeRepository, makeScratch, noise, problemsOf, requestOf, SECRET } from './support.ts';

async function namesOf(store: BlobStore, prefix: string): Promise<string[]> {
  return (await Array.fromAsync(store.names(prefix))).sort();
}

async function bytesOf(store: BlobStore, prefix: string): Promise<number> {
  let bytes = 0;
  for await (const { size } of store.list(prefix)) bytes += size;
  return bytes;
}

async function restores(repository: Repository, folder: string): Promise<boolean> {
  for (const { id } of await repository.snapshots()) {
    const { failed } = await repository.restore({ snapshot_id: id, target: join(folder, id) });
    if (failed.length > 0) return false;
  }
  return true;
}

describe('forget', () => {
  test('takes the snapshot away and leaves a tombstone, so that check misses nothing', async () => {
    using scratch = makeScratch();
    scratch.write('source/a', 'one');
    const { repository, store } = await makeRepository();
    await using _ = repository;
    const root = join(scratch.path, 'source');
    const first = await repository.backup(requestOf(root));
    scratch.write('source/a', 'two');
    await repository.backup(requestOf(root));
    await repository.forget([first.snapshot.id], { reason: 'a test' });
    expect((await repository.snapshots()).map(({ id }) => id)).not.toContain(first.snapshot.id);
    expect(await namesOf(store, 'tombstones/')).toEqual([`tombstones/${first.snapshot.id}`]);
    expect(await problemsOf(repository)).toEqual([]);
  });

  test('removes nothing where one of the ids is unknown', async () => {
    using scratch = makeScratch();
    scratch.write('source/a', 'one');
    const { repository } = await makeRepository();
    await using _ = repository;
    const { snapshot } = await repository.backup(requestOf(join(scratch.path, 'source')));
    await expect(repository.forget([snapshot.id, 'ffffffff'])).rejects.toMatchObject({
      code: 'snapshot_not_found',
    });
    expect(await repository.snapshots()).toHaveLength(1);
  });
});

describe('prune', () => {
  test('frees what only forgotten snapshots reached, and nothing else', async () => {
    using scratch = makeScratch();
    const { repository, store } = await makeRepository();
    await using _ = repository;
    const root = join(scratch.path, 'source');
    scratch.write('source/stays', noise(1, 100_000));
    scratch.write('source/goes', noise(2, 3_000_000));
    const first = await repository.backup(requestOf(root));
    rmSync(join(root, 'goes'));
    await repository.backup(requestOf(root));
    await repository.forget([first.snapshot.id]);
    const before = await bytesOf(store, 'packs/');
    const foreseen = await repository.prune({ dry_run: true });
    expect(await bytesOf(store, 'packs/')).toBe(before);
    const result = await repository.prune();
    expect(foreseen.packs_rewritten).toBe(result.packs_rewritten);
    expect(before - (await bytesOf(store, 'packs/'))).toBeGreaterThan(2_900_000);
    expect(await problemsOf(repository)).toEqual([]);
    expect(await restores(repository, join(scratch.path, 'target'))).toBe(true);
    expect(await repository.prune()).toMatchObject({ packs_removed: 0, packs_rewritten: 0 });
  });

  test('an empty repository stays empty, and without forget nothing is removed', async () => {
    using scratch = makeScratch();
    const { repository, store } = await makeRepository();
    await using _ = repository;
    expect(await repository.prune()).toMatchObject({ packs: 0, packs_removed: 0 });
    scratch.write('source/a', noise(1, 50_000));
    await repository.backup(requestOf(join(scratch.path, 'source')));
    const packs = await namesOf(store, 'packs/');
    await repository.prune();
    expect(await namesOf(store, 'packs/')).toEqual(packs);
  });

  test('merges many small packs and index objects', async () => {
    using scratch = makeScratch();
    const { repository, store } = await makeRepository();
    await using _ = repository;
    const root = join(scratch.path, 'source');
    for (let n = 0; n < 24; n += 1) {
      scratch.write(`source/${n}`, noise(n, 20_000));
      await repository.backup(requestOf(root));
    }
    const before = await namesOf(store, 'packs/');
    await repository.prune();
    // Of each size seven may stay: that many are not worth the work.
    expect((await namesOf(store, 'packs/')).length).toBeLessThan(before.length / 4);
    expect((await namesOf(store, 'indexes/')).length).toBeLessThan(8);
    expect(await problemsOf(repository)).toEqual([]);
    expect(await restores(repository, join(scratch.path, 'target'))).toBe(true);
  });

  test('has nothing to do when it runs again, also where packs are so small that they are mostly envelope', async () => {
    using scratch = makeScratch();
    const { repository, store } = await makeRepository();
    await using _ = repository;
    const root = join(scratch.path, 'source');
    for (let n = 0; n < 5; n += 1) {
      scratch.write(`source/${n}`, `${n}`);
      await repository.backup(requestOf(root));
    }
    await repository.prune();
    const objects = await namesOf(store, '');
    expect(await repository.prune()).toMatchObject({ packs_removed: 0, packs_rewritten: 0 });
    expect(await namesOf(store, '')).toEqual(objects);
  });

  test('frees in one run what two hosts stored twice, whichever of the two packs is the one that goes', async () => {
    using scratch = makeScratch();
    const { repository, store } = await makeRepository();
    await using _ = repository;
    let gate = Promise.resolve();
    const late = hookStore(store, async (operation, name) => {
      if (operation === 'put' && name.startsWith('packs/')) await gate;
    });
    await using other = await openRepository(late, SECRET);
    const goes: string[] = [];
    // Which pack is chosen depends on their random names.
    for (let n = 0; n < 10; n += 1) {
      const shared = scratch.write(`shared/${n}`, noise(n, 50_000));
      const waste = scratch.write(`waste/${n}`, noise(100 + n, 500_000));
      const first = repository.backup(requestOf(shared, { source: `${n}`, roots: [shared, waste] }));
      gate = first.then(() => undefined);
      await other.backup(requestOf(shared, { host: 'web2', source: `${n}` }));
      goes.push((await first).snapshot.id);
    }
    await repository.forget(goes);
    await repository.prune();
    expect(await bytesOf(store, 'packs/')).toBeLessThan(10 * 50_000 * 1.12);
    expect(await problemsOf(repository)).toEqual([]);
    expect(await repository.prune()).toMatchObject({ packs_removed: 0, packs_rewritten: 0 });
  });

  test('clears up after a backup that was cut short, once nobody writes', async () => {
    using scratch = makeScratch();
    const { repository, store } = await makeRepository();
    await using _ = repository;
    const root = join(scratch.path, 'source');
    scratch.write('source/a', noise(1, 50_000));
    const [first] = [await repository.backup(requestOf(root)), await namesOf(store, 'packs/')];
    // What a kill leaves: packs, and no index that names them.
    for (const prefix of ['indexes/', 'snapshots/']) {
      for (const name of await namesOf(store, prefix)) await store.delete(name);
    }
    scratch.write('source/a', noise(2, 50_000));
    await using next = await openRepository(store, SECRET);
    await next.backup(requestOf(root));
    expect(await next.prune()).toMatchObject({ packs_removed: 1 });
    expect((await namesOf(store, 'packs/')).length).toBe(1);
    expect((await next.snapshots()).map(({ id }) => id)).not.toContain(first.snapshot.id);
    expect(await problemsOf(next)).toEqual([]);
  });

  test('takes a writer for dead once it has been silent for a day, by the clock that it is given', async () => {
    using scratch = makeScratch();
    const clock = { ms: Date.UTC(2026, 10, 25) };
    const { repository, store } = await makeRepository();
    await using _ = repository;
    const root = join(scratch.path, 'source');
    scratch.write('source/a', noise(1, 50_000));
    await repository.backup(requestOf(root));
    const waiting = Promise.withResolvers<void>();
    const go_on = Promise.withResolvers<void>();
    const held = hookStore(store, async (operation, name) => {
      if (operation !== 'put' || !name.startsWith('snapshots/')) return;
      waiting.resolve();
      await go_on.promise;
    });
    await using writer = await openRepository(held, SECRET, { now_ms: () => clock.ms });
    const backup = writer.backup(requestOf(root, { host: 'web2' }));
    await waiting.promise;
    await using pruner = await openRepository(store, SECRET, { now_ms: () => clock.ms });
    const HOUR_MS = 60 * 60 * 1000;
    const revoked: number[] = [];
    for (const ms of [0, 23 * HOUR_MS, -HOUR_MS, 25 * HOUR_MS]) {
      clock.ms = Date.UTC(2026, 10, 25) + ms;
      revoked.push((await pruner.prune()).writers_revoked);
    }
    expect(revoked).toEqual([0, 0, 0, 1]);
    go_on.resolve();
    const { snapshot } = await backup;
    expect((await pruner.snapshots()).map(({ id }) => id)).toContain(snapshot.id);
    expect(await problemsOf(pruner)).toEqual([]);
  });

  test('keeps everything where no trace of a snapshot stands', async () => {
    using scratch = makeScratch();
    const { repository, store } = await makeRepository();
    await using _ = repository;
    scratch.write('source/a', noise(1, 50_000));
    await repository.backup(requestOf(join(scratch.path, 'source')));
    for (const name of await namesOf(store, 'snapshots/')) await store.delete(name);
    const packs = await namesOf(store, 'packs/');
    await using other = await openRepository(store, SECRET);
    expect(await other.prune({ revoke_after_ms: 0 })).toMatchObject({ packs: 1, packs_removed: 0 });
    expect(await namesOf(store, 'packs/')).toEqual(packs);
  });

  test('deletes nothing while a snapshot that this host has seen is missing', async () => {
    using scratch = makeScratch();
    const { repository, store } = await makeRepository({ cache_dir: scratch.path });
    await using _ = repository;
    const root = join(scratch.path, 'source');
    scratch.write('source/a', noise(1, 50_000));
    await repository.backup(requestOf(root));
    scratch.write('source/a', noise(2, 50_000));
    const { snapshot } = await repository.backup(requestOf(root));
    await store.delete(`snapshots/${snapshot.id}`);
    const packs = await namesOf(store, 'packs/');
    await using again = await openRepository(store, SECRET, { cache_dir: scratch.path });
    await expect(again.prune()).rejects.toMatchObject({ code: 'repo_damaged' });
    expect(await namesOf(store, 'packs/')).toEqual(packs);
    const [problem] = await problemsOf(again);
    expect(problem).toMatchObject({
      object: `snapshots/${snapshot.id}`,
      problem: 'it is missing, and this host has seen it',
      harmless: false,
    });
    await again.repair({ forget_broken: true });
    expect(await again.prune()).toMatchObject({ packs_removed: 1 });
    expect(await problemsOf(again)).toEqual([]);
  });

  test('refuses where it cannot be known what is needed', async () => {
    using scratch = makeScratch();
    const { repository, store } = await makeRepository();
    await using _ = repository;
    scratch.write('source/a', noise(1, 50_000));
    const { snapshot } = await repository.backup(requestOf(join(scratch.path, 'source')));
    await store.delete(`snapshots/${snapshot.id}`);
    await store.put(`snapshots/${snapshot.id}`, Buffer.from('torn'));
    const packs = await namesOf(store, 'packs/');
    await using other = await openRepository(store, SECRET);
    await expect(other.prune()).rejects.toMatchObject({ code: 'repo_damaged' });
    expect(await namesOf(store, 'packs/')).toEqual(packs);
  });
});
