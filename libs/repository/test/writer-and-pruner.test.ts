import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { BlobStore } from '@holdfast/storage/blob-store';
import { createMemoryStore } from '@holdfast/storage/memory';
import { describe, expect, test } from '@jest/globals';
import { sealMarks } from '../src/deletion/marks-object.ts';
import { openRepository } from '../src/open.ts';
import { sealRevocation } from '../src/snapshot/snapshot-object.ts';
import { hookStore, type Operation } from './hooked-store.ts';
import {
  keysOf,
  makeRepository,
  makeScratch,
  noise,
  problemsOf,
  requestOf,
  type Scratch,
  SECRET,
} from './support.ts';

/** A writer with a cache of its own, in which something else happens once, just before one of its operations. */
async function writerWith(
  scratch: Scratch,
  store: BlobStore,
  when: { operation: Operation; prefix: string; act: (name: string) => Promise<unknown> },
) {
  const cache_dir = join(scratch.path, 'writer-cache');
  mkdirSync(cache_dir, { recursive: true });
  let is_armed = false;
  const hooked = hookStore(store, async (operation, name) => {
    if (!is_armed || operation !== when.operation || !name.startsWith(when.prefix)) return;
    is_armed = false;
    await when.act(name);
  });
  const writer = await openRepository(hooked, SECRET, { cache_dir });
  return {
    writer,
    arm: () => {
      is_armed = true;
    },
  };
}

async function expectAllRestored(scratch: Scratch, store: BlobStore, files: number): Promise<void> {
  await using reader = await openRepository(store, SECRET);
  expect(await problemsOf(reader)).toEqual([]);
  const target = join(scratch.path, 'target');
  expect(await reader.restore({ snapshot_id: 'latest', target })).toMatchObject({ files, failed: [] });
}

describe('a writer beside a pruner', () => {
  test('reads everything again where what it relied on was deleted before it announced itself', async () => {
    using scratch = makeScratch();
    const { repository: pruner, store } = await makeRepository({ store: createMemoryStore() });
    await using _ = pruner;
    const root = join(scratch.path, 'source');
    for (const n of [1, 2, 3]) scratch.write(`source/${n}`, noise(n, 100_000));
    const { writer, arm } = await writerWith(scratch, store, {
      operation: 'put',
      prefix: 'pending/',
      act: async () => {
        await pruner.forget([first.snapshot.id]);
        expect(await pruner.prune()).toMatchObject({ packs: 2, packs_removed: 2 });
      },
    });
    await using __ = writer;
    const first = await writer.backup(requestOf(root));
    scratch.write('source/4', noise(4, 50_000));
    arm();
    const second = await writer.backup(requestOf(root, { changes: [join(root, '4')] }));
    expect(second.stats).toMatchObject({ files: 4 });
    await expectAllRestored(scratch, store, 4);
  });

  test('reads everything again, too, where it has no parent and relied on what another host had stored', async () => {
    using scratch = makeScratch();
    const { repository: pruner, store } = await makeRepository({ store: createMemoryStore() });
    await using _ = pruner;
    const root = join(scratch.path, 'source');
    for (const n of [1, 2, 3]) scratch.write(`source/${n}`, noise(n, 100_000));
    const { snapshot } = await pruner.backup(requestOf(root));
    const { writer, arm } = await writerWith(scratch, store, {
      operation: 'put',
      prefix: 'pending/',
      act: async () => {
        await pruner.forget([snapshot.id]);
        expect(await pruner.prune()).toMatchObject({ packs_removed: 1 });
      },
    });
    await using __ = writer;
    arm();
    const { stats } = await writer.backup(requestOf(root, { host: 'web2' }));
    expect(stats).toMatchObject({ files: 3 });
    await expectAllRestored(scratch, store, 3);
  });

  test('stores again from a marked pack that still stands', async () => {
    using scratch = makeScratch();
    const { repository: pruner, store } = await makeRepository({ store: createMemoryStore() });
    await using _ = pruner;
    const keys = await keysOf(store);
    const root = join(scratch.path, 'source');
    scratch.write('source/1', noise(1, 100_000));
    const { writer, arm } = await writerWith(scratch, store, {
      operation: 'list',
      prefix: 'marks/',
      act: async () => {
        const packs = (await Array.fromAsync(store.names('packs/'))).map((name) => name.slice(9));
        const { name, object } = sealMarks(keys, { time_ms: 0, packs });
        await store.put(name, object);
      },
    });
    await using __ = writer;
    const first = await writer.backup(requestOf(root));
    const before = await Array.fromAsync(store.names('packs/'));
    scratch.write('source/2', noise(2, 1000));
    arm();
    await writer.backup(requestOf(root, { changes: [join(root, '2')] }));
    await pruner.forget([first.snapshot.id]);
    await pruner.prune();
    const left = await Array.fromAsync(store.names('packs/'));
    expect(left.filter((name) => before.includes(name))).toEqual([]);
    await expectAllRestored(scratch, store, 2);
  });

  test('starts over under a new id where it was taken for dead', async () => {
    using scratch = makeScratch();
    const { repository: pruner, store } = await makeRepository({ store: createMemoryStore() });
    await using _ = pruner;
    const keys = await keysOf(store);
    const root = join(scratch.path, 'source');
    scratch.write('source/1', noise(1, 100_000));
    let revoked = '';
    const { writer, arm } = await writerWith(scratch, store, {
      operation: 'put',
      prefix: 'snapshots/',
      act: async (name) => {
        revoked = name.slice('snapshots/'.length);
        await store.put(name, sealRevocation(keys, revoked, 0));
      },
    });
    await using __ = writer;
    arm();
    const { snapshot } = await writer.backup(requestOf(root));
    expect(snapshot.id).not.toBe(revoked);
    expect((await pruner.snapshots()).map(({ id }) => id)).toEqual([snapshot.id]);
    expect(await Array.fromAsync(store.names('pending/'))).toEqual([]);
    await expectAllRestored(scratch, store, 1);
  });

  test('that is at work keeps its packs, and one that is silent for long is revoked', async () => {
    using scratch = makeScratch();
    const { repository: pruner, store } = await makeRepository({ store: createMemoryStore() });
    await using _ = pruner;
    scratch.write('source/1', noise(1, 100_000));
    const { writer, arm } = await writerWith(scratch, store, {
      operation: 'put',
      prefix: 'snapshots/',
      act: async () => {
        expect(await pruner.prune()).toMatchObject({ packs_removed: 0, writers_revoked: 0 });
        throw new Error('it is killed here');
      },
    });
    await using __ = writer;
    arm();
    await expect(writer.backup(requestOf(join(scratch.path, 'source')))).rejects.toThrow('killed');
    expect(await Array.fromAsync(store.names('packs/'))).toHaveLength(1);
    expect(await pruner.prune({ revoke_after_ms: 0 })).toMatchObject({ writers_revoked: 1 });
    await pruner.prune();
    expect(await Array.fromAsync(store.names('pending/'))).toEqual([]);
    expect(await Array.fromAsync(store.names('packs/'))).toEqual([]);
    expect(await pruner.snapshots()).toEqual([]);
  });
});
