import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { makeRepository, makeScratch, noise, requestOf } from './support.ts';

describe('stats', () => {
  test('tell what snapshots hold, what it takes, and what one alone needs', async () => {
    using scratch = makeScratch();
    const root = join(scratch.path, 'source');
    scratch.write('source/text', 'word '.repeat(40_000));
    scratch.write('source/noise', noise(1, 100_000));
    const { repository, store } = await makeRepository();
    await using _ = repository;
    const first = (await repository.backup(requestOf(root))).snapshot;
    scratch.write('source/more', noise(2, 50_000));
    const second = (await repository.backup(requestOf(root))).snapshot;

    const all = await repository.stats();
    expect(all).toMatchObject({
      snapshots: 2,
      files: 5,
      bytes: 2 * 300_000 + 50_000,
      content: { bytes: 350_000 },
    });
    expect(all.content.bytes_stored).toBeGreaterThan(150_000);
    expect(all.content.bytes_stored).toBeLessThan(160_000);
    // Where a node begins depends on the names, and the folder has another one each time.
    expect(all.trees.chunks).toBeGreaterThanOrEqual(2);
    let pack_bytes = 0;
    for await (const { size } of store.list('packs/')) pack_bytes += size;
    expect(all.stored).toMatchObject({ packs: 2, pack_bytes, waste_bytes: 0, unindexed_bytes: 0 });

    const one = await repository.stats(second);
    expect(one).toMatchObject({
      snapshots: 1,
      files: 3,
      content: { bytes: 350_000 },
    });
    expect(one.only_here?.bytes).toBeGreaterThan(50_000);

    await store.delete(`snapshots/${second.id}`);
    const { stored, content } = await repository.stats();
    expect(content.bytes).toBe(300_000);
    expect(stored.waste_bytes).toBeGreaterThan(50_000);
    expect(stored.waste_bytes).toBeLessThan(52_000);
    expect((await repository.stats(first)).only_here?.bytes).toBeGreaterThan(300_000);
  });
});
