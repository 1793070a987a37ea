import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type BlobStore, StorageError } from '@holdfast/storage/blob-store';
import { createMemoryStore } from '@holdfast/storage/memory';
import { describe, expect, test } from '@jest/globals';
import type { Repository } from '../src/api.ts';
import { sealMarks } from '../src/deletion/marks-object.ts';
import { IndexCache } from '../src/index/index-cache.ts';
import { INDEX_PREFIX } from '../src/index/index-object.ts';
import { openRepository } from '../src/open.ts';
import { sealRevocation, snapshotName } from '../src/snapshot/snapshot-object.ts';
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

const PACK_NAME_START = 'packs/ab/'.length;

/** What happens just before an operation, each once, in this order. */
type Act = readonly [operation: Operation, prefix: string, act: () => Promise<unknown>];

/** A handle of another host, with its own idea of the store; nothing happens before `arm`. */
async function hostWith(store: BlobStore, acts: Act[]): Promise<{ host: Repository; arm: () => void }> {
  let is_armed = false;
  const hooked = hookStore(store, async (operation, name) => {
    const [next] = acts;
    if (!is_armed || next === undefined || operation !== next[0] || !name.startsWith(next[1])) return;
    acts.shift();
    await next[2]();
  });
  const host = await openRepository(hooked, SECRET);
  return {
    host,
    arm: () => {
      is_armed = true;
    },
  };
}

/** An act that stands still: `reached` resolves when it has come so far, and it ends with `goOn`. */
function standStill(operation: Operation, prefix: string) {
  const reached = Promise.withResolvers<void>();
  const end = Promise.withResolvers<void>();
  const stand = () => {
    reached.resolve();
    return end.promise;
  };
  const act: Act = [operation, prefix, stand];
  return { act, reached: reached.promise, goOn: () => end.resolve() };
}

async function expectAllRestored(scratch: Scratch, store: BlobStore): Promise<void> {
  await using reader = await openRepository(store, SECRET);
  expect(await problemsOf(reader)).toEqual([]);
  for (const { id } of await reader.snapshots()) {
    const target = join(scratch.path, `target-${id}`);
    expect(await reader.restore({ snapshot_id: id, target })).toMatchObject({ failed: [] });
  }
}

describe('who deletes', () => {
  test('does not count what it could not read of a forgotten snapshot as known', async () => {
    using scratch = makeScratch();
    const root = join(scratch.path, 'source');
    scratch.write('source/1', noise(1, 100_000));
    const { repository: other, store } = await makeRepository({ store: createMemoryStore() });
    await using _ = other;
    const { snapshot } = await other.backup(requestOf(root));
    const { host: pruner, arm } = await hostWith(store, [
      [
        'get',
        'packs/',
        async () => {
          await other.forget([snapshot.id]);
          expect(await other.prune()).toMatchObject({ packs_removed: 1 });
        },
      ],
      // The same tree comes back, in a pack that the pruner's index does not name yet.
      ['list', 'snapshots/', () => other.backup(requestOf(root))],
    ]);
    await using __ = pruner;
    arm();
    await pruner.prune();
    expect(await other.snapshots()).toHaveLength(1);
    await expectAllRestored(scratch, store);
  });

  test('does not take a pack for litter that its own footer says is needed', async () => {
    using scratch = makeScratch();
    const root = join(scratch.path, 'source');
    scratch.write('source/1', noise(1, 100_000));
    const { repository: other, store } = await makeRepository({ store: createMemoryStore() });
    await using _other = other;
    // Where nothing of a snapshot ever stood, nothing would be deleted at all.
    const revoked = 'ab'.repeat(16);
    await store.put(snapshotName(revoked), sealRevocation(await keysOf(store), revoked, 0));
    const commit = standStill('put', 'snapshots/');
    const { host: writer, arm: armWriter } = await hostWith(store, [commit.act]);
    await using _ = writer;
    armWriter();
    let backup: Promise<unknown> | undefined;
    const { host: pruner, arm } = await hostWith(missingIndexes(store), [
      [
        'list',
        'packs/',
        async () => {
          // The writer relies on what another one has stored, so that its pending object names the tree and no pack.
          const { snapshot } = await other.backup(requestOf(root));
          backup = writer.backup(requestOf(root, { host: 'writer' }));
          await commit.reached;
          await other.forget([snapshot.id]);
        },
      ],
    ]);
    await using __ = pruner;
    arm();
    const pruned = await pruner.prune().finally(commit.goOn);
    await backup;
    expect(pruned).toMatchObject({ packs: 1, packs_removed: 0 });
    await expectAllRestored(scratch, store);
  });
});

/** Its listings miss every index object. */
function missingIndexes(store: BlobStore): BlobStore {
  return {
    ...hookStore(store, async () => undefined),
    async *names(prefix) {
      if (prefix !== INDEX_PREFIX) yield* store.names(prefix);
    },
  };
}

describe('a writer', () => {
  test('counts what it carries over from its parent as held only where it was held under the marks that it knows', async () => {
    using scratch = makeScratch();
    const root = join(scratch.path, 'source');
    for (let n = 0; n < 3; n += 1) scratch.write(`source/${n}`, noise(n, 100_000));
    const { repository: other, store } = await makeRepository({ store: createMemoryStore() });
    await using _other = other;
    const { snapshot } = await other.backup(requestOf(root));
    scratch.write('source/0', noise(10, 100_000));
    let pruning: Promise<unknown> | undefined;
    // It has set its marks and looked around for the last time, and is about to delete.
    const deletion = standStill('delete', '');
    const { host: pruner, arm: armPruner } = await hostWith(store, [deletion.act]);
    await using __ = pruner;
    armPruner();
    const { host: writer, arm } = await hostWith(store, [
      [
        'list',
        'marks/',
        async () => {
          // The parent is chosen. It goes now, and what is carried over from it is marked before the writer's first look.
          await other.forget([snapshot.id]);
          pruning = pruner.prune();
          await deletion.reached;
        },
      ],
      [
        'put',
        'snapshots/',
        () => {
          deletion.goOn();
          return pruning as Promise<unknown>;
        },
      ],
    ]);
    await using ___ = writer;
    arm();
    const carry = new Set([join(root, '1'), join(root, '2')]);
    await writer.backup(requestOf(root, { carry }));
    expect(await writer.snapshots()).toHaveLength(1);
    await expectAllRestored(scratch, store);
  });
});

describe('a backup', () => {
  test('whose parent is forgotten and pruned while it compares reads everything anew', async () => {
    using scratch = makeScratch();
    const root = join(scratch.path, 'source');
    for (let n = 0; n < 100; n += 1) scratch.write(`source/${n}`, noise(n, 100));
    const { repository: other, store } = await makeRepository({ store: createMemoryStore() });
    await using _ = other;
    const { snapshot } = await other.backup(requestOf(root));
    const forgetIt = async () => {
      await other.forget([snapshot.id]);
      expect(await other.prune()).toMatchObject({ packs_removed: expect.any(Number) });
    };
    const { host: writer, arm } = await hostWith(store, [['get', 'packs/', forgetIt]]);
    await using __ = writer;
    arm();
    await writer.backup(requestOf(root));
    const standing = await writer.snapshots();
    expect(standing.map(({ parent }) => parent)).toEqual([null]);
    await expectAllRestored(scratch, store);
  });

  test('that stands is no failure, whatever comes after', async () => {
    using scratch = makeScratch();
    scratch.write('source/1', 'one');
    const { store } = await makeRepository({ store: createMemoryStore() });
    const refusing = hookStore(store, async (operation) => {
      if (operation === 'delete') throw new StorageError('failed', 'nothing is deleted here');
    });
    await using writer = await openRepository(refusing, SECRET);
    const { snapshot } = await writer.backup(requestOf(join(scratch.path, 'source')));
    expect((await writer.snapshots()).map(({ id }) => id)).toEqual([snapshot.id]);
  });
});

describe('a repair', () => {
  test('does not rely on a pack that a prune beside it takes for litter', async () => {
    using scratch = makeScratch();
    const root = join(scratch.path, 'source');
    scratch.write('source/1', noise(1, 100_000));
    const { repository: other, store } = await makeRepository({ store: createMemoryStore() });
    await using _ = other;
    const { snapshot } = await other.backup(requestOf(root));
    const [named = ''] = await Array.fromAsync(store.names('packs/'));
    const indexes = await Array.fromAsync(store.names(INDEX_PREFIX));
    // A backup that was killed before its index object has stored all of it once more.
    await using blind = await openRepository(missingIndexes(store), SECRET);
    const killed = await blind.backup(requestOf(root, { host: 'web2' }));
    await store.delete(snapshotName(killed.snapshot.id));
    for await (const name of store.names(INDEX_PREFIX)) if (!indexes.includes(name)) await store.delete(name);
    const deletion = standStill('delete', 'packs/');
    const { host: pruner, arm } = await hostWith(store, [deletion.act]);
    await using __ = pruner;
    arm();
    // It takes the second pack for litter, since the first one holds all that is in it; and that is damaged.
    const pruning = pruner.prune();
    await deletion.reached;
    const data = await store.get(named);
    data[5000] = (data[5000] as number) ^ 1;
    await store.delete(named);
    await store.put(named, data);
    await using repairer = await openRepository(store, SECRET);
    const { problems } = await repairer.repair();
    deletion.goOn();
    expect(await pruning).toMatchObject({ packs_removed: 1 });
    expect(problems).toEqual([]);
    expect((await repairer.snapshots()).map(({ id }) => id)).toEqual([snapshot.id]);
    await expectAllRestored(scratch, store);
  });
});

describe('the index', () => {
  test('that is asked for while it is being read holds what stood at that moment', async () => {
    using scratch = makeScratch();
    const root = join(scratch.path, 'source');
    scratch.write('source/1', 'one');
    const { repository, store } = await makeRepository({ store: createMemoryStore() });
    await using _ = repository;
    await repository.backup(requestOf(root));
    let second: Promise<void> | undefined;
    const hooked = hookStore(store, async (operation, name) => {
      if (operation !== 'get' || !name.startsWith(INDEX_PREFIX) || second !== undefined) return;
      second = Promise.resolve();
      scratch.write('source/2', 'two');
      await repository.backup(requestOf(root));
      second = cache.refresh();
    });
    using cache = new IndexCache(hooked, await keysOf(store));
    await cache.refresh();
    await second;
    expect(cache.db.prepare('SELECT COUNT(*) AS objects FROM index_object').get()).toEqual({ objects: 2 });
  });
});

describe('marks', () => {
  test('that a repair replaces between the listing and the reading are listed again', async () => {
    const { repository, store } = await makeRepository({ store: createMemoryStore() });
    await using _ = repository;
    const keys = await keysOf(store);
    const pack = 'ab'.repeat(16);
    const before = sealMarks(keys, { time_ms: 0, packs: [] });
    await store.put(before.name, before.object);
    let is_replaced = false;
    const hooked = hookStore(store, async (operation, name) => {
      if (operation !== 'get' || name !== before.name || is_replaced) return;
      is_replaced = true;
      const after = sealMarks(keys, { time_ms: 0, packs: [pack] });
      await store.put(after.name, after.object);
      await store.delete(before.name);
    });
    using cache = new IndexCache(hooked, keys);
    await cache.refreshMarks();
    expect(cache.isMarked(pack)).toBe(true);
  });
});

describe('a writer', () => {
  test('heeds marks that another process has read into the cache that they share', async () => {
    using scratch = makeScratch();
    const cache_dir = join(scratch.path, 'cache');
    mkdirSync(cache_dir);
    for (const source of ['one', 'other']) scratch.write(`${source}/1`, noise(1, 100_000));
    const { repository, store } = await makeRepository({ store: createMemoryStore(), cache_dir });
    await using _ = repository;
    await repository.backup(requestOf(join(scratch.path, 'one')));
    const keys = await keysOf(store);
    const packs = (await Array.fromAsync(store.names('packs/'))).map((name) => name.slice(PACK_NAME_START));
    const { name, object } = sealMarks(keys, { time_ms: 0, packs });
    await store.put(name, object);
    {
      using other = new IndexCache(store, keys, cache_dir);
      await other.refreshMarks();
    }
    const { stats } = await repository.backup(requestOf(join(scratch.path, 'other'), { source: 'other' }));
    expect(stats.bytes_stored).toBeGreaterThan(100_000);
  });

  test('that has to read everything again carries over what has an open case', async () => {
    using scratch = makeScratch();
    const root = join(scratch.path, 'source');
    const lost = scratch.write('source/lost', noise(1, 1000));
    scratch.write('elsewhere/2', noise(2, 100_000));
    const { repository: other, store } = await makeRepository({ store: createMemoryStore() });
    await using _ = other;
    const elsewhere = await other.backup(requestOf(join(scratch.path, 'elsewhere'), { host: 'other' }));
    let acted = false;
    const { host: writer, arm } = await hostWith(store, [
      [
        'put',
        'pending/',
        async () => {
          await other.forget([elsewhere.snapshot.id]);
          // Its content, and what the writer has stored so far.
          expect(await other.prune()).toMatchObject({ packs_removed: 2 });
          acted = true;
        },
      ],
    ]);
    await using __ = writer;
    await writer.backup(requestOf(root));
    rmSync(lost);
    const found = scratch.write('source/2', noise(2, 100_000));
    arm();
    const { stats } = await writer.backup(requestOf(root, { changes: [found], carry: new Set([lost]) }));
    expect({ acted, files: stats.files }).toEqual({ acted: true, files: 2 });
    const target = join(scratch.path, 'target');
    await writer.restore({ snapshot_id: 'latest', target });
    expect(existsSync(join(target, lost))).toBe(true);
    await expectAllRestored(scratch, store);
  });
});
