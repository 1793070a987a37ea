import { join } from 'node:path';
import { createMemoryStore } from '@holdfast/storage/memory';
import { describe, expect, test } from '@jest/globals';
import { deriveKeys } from '../src/crypto/keys.ts';
import { IndexCache } from '../src/index/index-cache.ts';
import { openIndex } from '../src/index/index-object.ts';
import { PackWriter } from '../src/pack/pack-writer.ts';
import { PackStore } from '../src/write/pack-store.ts';
import { makeScratch } from './support.ts';

const KEYS = deriveKeys(Buffer.alloc(16, 1), { master: Buffer.alloc(32, 2), id_secret: Buffer.alloc(32, 3) });

describe('packs that are stored', () => {
  test('are named by an index object before the backup ends, after so many bytes', async () => {
    using scratch = makeScratch();
    const store = createMemoryStore();
    using index = new IndexCache(store, KEYS, join(scratch.path, 'cache'));
    const index_every = { bytes: 250_000, ms: Number.POSITIVE_INFINITY };
    const packs = new PackStore({ store, keys: KEYS, index }, { dry_run: false, index_every });
    const given_back: number[] = [];
    const writer = new PackWriter(KEYS, {
      compress: false,
      pack_bytes: 100_000,
      on_pack: (pack) => packs.put(pack, (memory) => given_back.push(memory.byteLength)),
    });
    const named = async () => {
      let count = 0;
      for await (const name of store.names('indexes/'))
        count += openIndex(KEYS, name, await store.get(name)).length;
      return count;
    };
    for (const [number, wanted] of [0, 0, 3, 3, 3, 6].entries()) {
      // A block of its own for each, and a pack of its own for each block.
      const id = Buffer.alloc(32, number + 1);
      writer.add(id, Buffer.alloc(100_000, number), 'data');
      writer.flush();
      await packs.settled();
      expect(await named()).toBe(wanted);
      expect(index.lookup.has(id)).toBe(wanted > number);
    }
    expect(given_back).toHaveLength(6);
    await packs.checkpoint();
    expect(await named()).toBe(6);
  });
});
