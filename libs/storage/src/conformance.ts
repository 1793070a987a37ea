import { randomBytes } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { type BlobStore, isStorageError } from './blob-store.ts';

/** What every store must do; each one's test file calls it with a way to make an empty store. */
export function describeBlobStore(title: string, makeStore: () => Promise<BlobStore>): void {
  describe(`${title} keeps the contract of BlobStore`, () => {
    test('gives back what was put, whole and by range', async () => {
      const store = await makeStore();
      const data = randomBytes(100_000);
      expect(await store.put('packs/ab/abcd', data)).toBe(true);
      expect((await store.get('packs/ab/abcd')).equals(data)).toBe(true);
      const range = await store.get('packs/ab/abcd', { offset: 1000, length: 50 });
      expect(range.equals(data.subarray(1000, 1050))).toBe(true);
      const tail = await store.get('packs/ab/abcd', { offset: 99_990 });
      expect(tail.equals(data.subarray(99_990))).toBe(true);
    });

    test('keeps an empty object', async () => {
      const store = await makeStore();
      expect(await store.put('config', Buffer.alloc(0))).toBe(true);
      expect(await store.get('config')).toHaveLength(0);
    });

    test('never touches an object whose name is taken', async () => {
      const store = await makeStore();
      expect(await store.put('snapshots/one', Buffer.from('first'))).toBe(true);
      expect(await store.put('snapshots/one', Buffer.from('second'))).toBe(false);
      expect((await store.get('snapshots/one')).toString()).toBe('first');
    });

    test('lets exactly one of several writers of a name win', async () => {
      const store = await makeStore();
      const puts = Array.from({ length: 8 }, (_, index) => store.put('snapshots/race', Buffer.from([index])));
      const won = await Promise.all(puts);
      expect(won.filter(Boolean)).toHaveLength(1);
      expect((await store.get('snapshots/race'))[0]).toBe(won.indexOf(true));
    });

    test('keeps its own copy of what was put', async () => {
      const store = await makeStore();
      const data = Buffer.from('before');
      await store.put('config', data);
      data.write('after!');
      expect((await store.get('config')).toString()).toBe('before');
    });

    test('lists by prefix, with sizes', async () => {
      const store = await makeStore();
      await store.put('packs/ab/abcd', Buffer.alloc(3));
      await store.put('packs/ab/abce', Buffer.alloc(4));
      await store.put('packs/cd/cdef', Buffer.alloc(5));
      await store.put('config', Buffer.alloc(6));
      expect(await listed(store, 'packs/')).toEqual({
        'packs/ab/abcd': 3,
        'packs/ab/abce': 4,
        'packs/cd/cdef': 5,
      });
      expect(await listed(store, 'packs/ab/abc')).toEqual({ 'packs/ab/abcd': 3, 'packs/ab/abce': 4 });
      expect(await listed(store, 'snapshots/')).toEqual({});
      expect(Object.keys(await listed(store, ''))).toHaveLength(4);
    });

    test('names what is missing', async () => {
      const store = await makeStore();
      const error = await store.get('packs/no/none').catch((reason: unknown) => reason);
      expect(isStorageError(error, 'not_found')).toBe(true);
    });

    test('refuses to read past the end of an object', async () => {
      const store = await makeStore();
      await store.put('config', Buffer.alloc(10));
      const error = await store.get('config', { offset: 5, length: 6 }).catch((reason: unknown) => reason);
      expect(isStorageError(error, 'short')).toBe(true);
    });

    test('deletes, also what is not there, and the name is free again', async () => {
      const store = await makeStore();
      await store.put('pending/x', Buffer.from('one'));
      await store.delete('pending/x');
      await store.delete('pending/x');
      expect(await listed(store, '')).toEqual({});
      expect(await store.put('pending/x', Buffer.from('two'))).toBe(true);
    });
  });
}

async function listed(store: BlobStore, prefix: string): Promise<Record<string, number>> {
  const names: string[] = [];
  for await (const name of store.names(prefix)) names.push(name);
  const found: Record<string, number> = {};
  for await (const { name, size } of store.list(prefix)) found[name] = size;
  expect(names.sort()).toEqual(Object.keys(found).sort());
  return found;
}
