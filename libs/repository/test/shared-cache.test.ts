import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { createMemoryStore } from '@holdfast/storage/memory';
import { describe, expect, test } from '@jest/globals';
import { deriveKeys } from '../src/crypto/keys.ts';
import { sealMarks } from '../src/deletion/marks-object.ts';
import { engineOf } from '../src/engine-of.ts';
import { isUnwritableCache } from '../src/errors.ts';
import { IndexCache } from '../src/index/index-cache.ts';
import { emptyIndex } from '../src/index/index-database.ts';
import { type IndexedPack, sealIndex } from '../src/index/index-object.ts';
import { openRepository } from '../src/open.ts';
import { ChunkRecords } from '../src/pack/chunk-records.ts';
import { encodePackTable } from '../src/pack/pack-table.ts';
import { hookStore } from './hooked-store.ts';
import { keysOf, makeRepository, makeScratch, noise, problemsOf, requestOf, SECRET } from './support.ts';

const KEYS = deriveKeys(Buffer.alloc(16, 1), { master: Buffer.alloc(32, 2), id_secret: Buffer.alloc(32, 3) });
/** So many that they go into the cache in several transactions, with pauses between them. */
const MANY = 12_000;

function idsOf(seed: number, count: number): Buffer[] {
  const bytes = noise(seed, count * 32);
  return Array.from({ length: count }, (_, at) => bytes.subarray(at * 32, at * 32 + 32));
}

/** A pack with one block that holds chunks of these ids. */
/** As another process does that shares the cache. */
function emptyAll(cache_dir: string): void {
  for (const file of readdirSync(cache_dir).filter((found) => found.endsWith('.sqlite'))) {
    using db = new DatabaseSync(join(cache_dir, file));
    emptyIndex(db);
  }
}

function packOf(number: number, ids: readonly Buffer[]): IndexedPack {
  const chunks = new ChunkRecords();
  for (const id of ids) chunks.add(id, 1);
  const block = { offset: 40, sealed_length: 17, raw_length: ids.length, codec: 0, chunk_count: ids.length };
  const table = encodePackTable([block], chunks);
  return { id: Buffer.alloc(16, number).toString('hex'), size: 1000, header: Buffer.alloc(40), table };
}

describe('two processes with one cache', () => {
  test('a pack that one takes out while the other reads it leaves no chunk that seems to be in another pack', async () => {
    using scratch = makeScratch();
    const store = createMemoryStore();
    const folder = join(scratch.path, 'cache');
    using reader = new IndexCache(store, KEYS, folder);
    using pruner = new IndexCache(store, KEYS, folder);
    const gone = idsOf(1, MANY);
    const kept = idsOf(2, 10);
    const [leaving, staying] = [packOf(1, gone), packOf(2, kept)];
    const before = sealIndex(KEYS, [leaving, staying]);
    await store.put(before.name, before.object);
    const reading = reader.refresh();
    while (pruner.db.prepare('SELECT 1 FROM chunk LIMIT 1').get() === undefined) await nextTurn();
    // What a prune does when nothing needs a pack any more.
    const after = sealIndex(KEYS, [staying]);
    await store.put(after.name, after.object);
    await store.delete(before.name);
    pruner.drop({ objects: [before.name], packs: [leaving.id] });
    await reading;
    expect(gone.filter((id) => reader.lookup.has(id))).toHaveLength(0);
    expect(kept.every((id) => reader.lookup.locate(id)[0]?.pack === staying.id)).toBe(true);
  });

  test('what one forgets while the other adds it does not count as known', async () => {
    using scratch = makeScratch();
    const store = createMemoryStore();
    const folder = join(scratch.path, 'cache');
    using writer = new IndexCache(store, KEYS, folder);
    using other = new IndexCache(store, KEYS, folder);
    const ids = idsOf(3, MANY);
    const packs = [packOf(3, ids)];
    const { name, object } = sealIndex(KEYS, packs);
    await store.put(name, object);
    const adding = writer.add(name, packs);
    while (other.db.prepare('SELECT 1 FROM chunk LIMIT 1').get() === undefined) await nextTurn();
    // Its listing misses what the cache knows, as after a prune: it forgets all.
    const listing = createMemoryStore();
    using late = new IndexCache(listing, KEYS, folder);
    await late.rebuild();
    await adding;
    await writer.refresh();
    expect(ids.filter((id) => writer.lookup.locate(id).length === 1)).toHaveLength(MANY);
  });

  test('a prune sees all of the index, however often another process empties the cache', async () => {
    using scratch = makeScratch();
    const cache_dir = join(scratch.path, 'cache');
    const { repository, store } = await makeRepository();
    const root = join(scratch.path, 'source');
    for (let n = 0; n < 30; n += 1) {
      scratch.write(`source/${n}`, noise(n, 30_000));
      scratch.write('source/waste', noise(100 + n, 60_000));
      await repository.backup(requestOf(root));
    }
    await repository.forget((await repository.snapshots()).slice(1).map(({ id }) => id));
    await repository[Symbol.asyncDispose]();
    const emptied = hookStore(store, async (operation) => {
      if (operation === 'get' || !existsSync(cache_dir)) return;
      emptyAll(cache_dir);
    });
    await using pruner = await openRepository(emptied, SECRET, { cache_dir });
    await pruner.prune();
    expect(await problemsOf(pruner)).toEqual([]);
    let bytes = 0;
    for await (const { size } of store.list('packs/')) bytes += size;
    expect(bytes).toBeLessThan((30 * 30_000 + 60_000) * 1.12);
  });
});

describe('a commit', () => {
  test('does not store a tree again because another process has emptied the cache', async () => {
    using scratch = makeScratch();
    const cache_dir = join(scratch.path, 'cache');
    const { repository, store } = await makeRepository();
    await using _ = repository;
    const root = join(scratch.path, 'source');
    for (let n = 0; n < 30; n += 1) scratch.write(`source/${n}`, noise(n, 30_000));
    await repository.backup(requestOf(root));
    const { name, object } = sealMarks(await keysOf(store), { time_ms: 0, packs: [] });
    const seen = { is_armed: false, is_pending: false, listings: 0 };
    const emptied = hookStore(store, async (operation, of) => {
      if (!seen.is_armed) return;
      if (operation === 'put' && of.startsWith('pending/')) {
        await store.put(name, object);
        seen.is_pending = true;
      }
      if (!seen.is_pending || operation !== 'list' || !of.startsWith('marks/')) return;
      seen.listings += 1;
      // By the first it learns of the marks, then it refreshes the index; after the second it looks through the tree.
      if (seen.listings === 2) emptyAll(cache_dir);
    });
    await using writer = await openRepository(emptied, SECRET, { cache_dir });
    await writer.backup(requestOf(root));
    scratch.write('source/0', 'changed');
    seen.is_armed = true;
    const { stats } = await writer.backup(requestOf(root));
    expect(seen.listings).toBeGreaterThan(1);
    expect(stats.bytes_stored).toBeLessThan(30_000);
  });
});

describe('a cache that is thrown away', () => {
  test.each(['before a backup', 'in the middle of one'])(
    '%s is made anew, and nothing fails',
    async (when) => {
      using scratch = makeScratch();
      const cache_dir = join(scratch.path, 'cache');
      const { repository } = await makeRepository({ cache_dir });
      await using _ = repository;
      const root = join(scratch.path, 'source');
      for (let n = 0; n < 50; n += 1) scratch.write(`source/${n}`, noise(n, 1000));
      await repository.backup(requestOf(root));
      const throwAway = () => rmSync(cache_dir, { recursive: true });
      if (when === 'before a backup') throwAway();
      let selected = 0;
      const select = () => {
        selected += 1;
        if (selected === 25 && when !== 'before a backup') throwAway();
        return true;
      };
      const again = await repository.backup(requestOf(root, { select, full: true }));
      expect(again.stats).toMatchObject({ files: 50, unreadable: [] });
      expect(selected).toBeGreaterThan(25);
      expect(await problemsOf(repository)).toEqual([]);
      await repository.backup(requestOf(root));
      const made = readdirSync(cache_dir);
      expect([made.includes(`${repository.id}.sqlite`), made.some((name) => name.endsWith('.stat'))]).toEqual(
        [true, true],
      );
    },
  );
});

describe('a cache that cannot be written', () => {
  test('since it is not ours, is passed over by a restore', async () => {
    using scratch = makeScratch();
    scratch.write('source/a', 'content');
    const { repository, store } = await makeRepository();
    await repository.backup(requestOf(join(scratch.path, 'source')));
    await repository[Symbol.asyncDispose]();
    // SQLite cannot open it, whoever runs the tests: root may write what others may not.
    const cache_dir = join(scratch.path, 'cache');
    mkdirSync(join(cache_dir, `${repository.id}.sqlite`), { recursive: true });
    await using reader = await openRepository(store, SECRET, { cache_dir });
    const target = join(scratch.path, 'target');
    expect(await reader.restore({ snapshot_id: 'latest', target })).toMatchObject({ files: 1, failed: [] });
  });

  test.each([
    ['SQLite has it read-only', { errcode: 8 }],
    ['SQLite has its folder read-only', { errcode: 1544 }],
    ['SQLite may not open it', { errcode: 14 }],
    ['it is in a folder of another user', { code: 'EACCES' }],
  ])('is known as such where %s', (_, fields) => {
    expect(isUnwritableCache(Object.assign(new Error('x'), fields))).toBe(true);
    expect(isUnwritableCache(Object.assign(new Error('x'), { errcode: 5, code: 'EIO' }))).toBe(false);
  });

  test.each([true, false])(
    'since another process is writing, is no failure for who only reads (snapshots noted: %s)',
    async (is_noted) => {
      using scratch = makeScratch();
      const cache_dir = join(scratch.path, 'cache');
      scratch.write('source/a', 'content');
      const { repository, store } = await makeRepository({ cache_dir });
      await repository.backup(requestOf(join(scratch.path, 'source')));
      await repository[Symbol.asyncDispose]();
      await using reader = await openRepository(store, SECRET, { cache_dir });
      using other = new DatabaseSync(join(cache_dir, `${repository.id}.sqlite`));
      if (!is_noted) other.exec('DELETE FROM seen_snapshot');
      engineOf(reader).index.db.exec('PRAGMA busy_timeout = 1');
      other.exec('BEGIN IMMEDIATE');
      expect(await reader.snapshots()).toHaveLength(1);
      const target = join(scratch.path, 'target');
      expect(await reader.restore({ snapshot_id: 'latest', target })).toMatchObject({ files: 1, failed: [] });
    },
  );
});
