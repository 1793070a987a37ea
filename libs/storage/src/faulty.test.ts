import { describe, expect, test } from '@jest/globals';
import { type BlobStore, isStorageError } from './blob-store.ts';
import { describeBlobStore } from './conformance.ts';
import {
  createFaultyStore,
  FAULTS,
  type Fault,
  type OperationKind,
  scriptedFaults,
  seededFaults,
} from './faulty.ts';
import { createMemoryStore } from './memory.ts';

describeBlobStore('a faulty store without faults', async () =>
  createFaultyStore(createMemoryStore(), () => undefined),
);

describeBlobStore('a faulty store that is slow', async () =>
  createFaultyStore(createMemoryStore(), ({ number }) => (number % 2 === 0 ? 'slow' : undefined)),
);

const DATA = Buffer.from('12345678');
const namesOf = async (store: BlobStore) => (await Array.fromAsync(store.names(''))).sort();
const kindOf = (reason: unknown) => (isStorageError(reason) ? reason.kind : reason);

/** A store with one object, behind one that has this fault at the next operation of the kind. */
async function makeFaulty(kind: OperationKind, fault: Fault) {
  const clean = createMemoryStore();
  await clean.put('packs/a', DATA);
  return { clean, faulty: createFaultyStore(clean, scriptedFaults([{ kind, fault }])) };
}

describe('a faulty store', () => {
  test.each<[Fault, string, string[]]>([
    ['before', 'failed', ['packs/a']],
    ['after', 'failed', ['packs/a', 'packs/b']],
    ['full', 'full', ['packs/a']],
  ])('fails a put %s', async (fault, kind, names) => {
    const { clean, faulty } = await makeFaulty('put', fault);
    expect(await faulty.put('packs/b', DATA).catch(kindOf)).toBe(kind);
    expect(await namesOf(clean)).toEqual(names);
    expect(faulty.happened).toEqual([{ operation: { kind: 'put', name: 'packs/b', number: 0 }, fault }]);
    expect(await faulty.put('packs/c', DATA)).toBe(true);
  });

  test('leaves half of an object whose put fails in the middle', async () => {
    const { clean, faulty } = await makeFaulty('put', 'middle');
    expect(await faulty.put('packs/b', DATA).catch(kindOf)).toBe('failed');
    expect((await clean.get('packs/b')).toString()).toBe('1234');
  });

  test('gives short bytes, and none where it fails', async () => {
    for (const fault of ['before', 'after', 'middle'] as const) {
      const { faulty } = await makeFaulty('get', fault);
      expect(await faulty.get('packs/a').catch(kindOf)).toBe('failed');
      expect((await faulty.get('packs/a')).equals(DATA)).toBe(true);
    }
    const { faulty } = await makeFaulty('get', 'short');
    expect((await faulty.get('packs/a')).toString()).toBe('1234');
  });

  test('gives what stood there before the last change', async () => {
    const { faulty } = await makeFaulty('get', 'old');
    await faulty.put('packs/b', DATA);
    expect(await faulty.get('packs/b').catch(kindOf)).toBe('not_found');
    const other = await makeFaulty('get', 'old');
    await other.faulty.delete('packs/a');
    expect((await other.faulty.get('packs/a', { offset: 2, length: 3 })).toString()).toBe('345');
    expect(await other.faulty.get('packs/a').catch(kindOf)).toBe('not_found');
  });

  test('lists what was there some changes ago', async () => {
    const { clean, faulty } = await makeFaulty('list', 'stale');
    await faulty.put('packs/b', DATA);
    await faulty.delete('packs/a');
    expect(await namesOf(faulty)).toEqual(['packs/a']);
    expect(await namesOf(faulty)).toEqual(['packs/b']);
    expect(await namesOf(clean)).toEqual(['packs/b']);
  });

  test('ends a listing in the middle', async () => {
    const { faulty } = await makeFaulty('list', 'middle');
    await faulty.put('packs/b', DATA);
    const seen: string[] = [];
    const listing = (async () => {
      for await (const name of faulty.names('')) seen.push(name);
    })();
    expect(await listing.catch(kindOf)).toBe('failed');
    expect(seen).toHaveLength(1);
  });

  test('fails a delete before and after it was done', async () => {
    for (const [fault, names] of [
      ['before', ['packs/a']],
      ['after', []],
    ] as const) {
      const { clean, faulty } = await makeFaulty('delete', fault);
      expect(await faulty.delete('packs/a').catch(kindOf)).toBe('failed');
      expect(await namesOf(clean)).toEqual(names);
    }
  });

  test('lets others overtake what is slow', async () => {
    const { faulty } = await makeFaulty('put', 'slow');
    const order: string[] = [];
    const put = (name: string) => faulty.put(name, DATA).then(() => order.push(name));
    await Promise.all([put('packs/b'), put('packs/c')]);
    expect(order).toEqual(['packs/c', 'packs/b']);
  });

  test('refuses a plan that no store could follow', async () => {
    const { faulty } = await makeFaulty('put', 'stale');
    await expect(faulty.put('packs/b', DATA)).rejects.toThrow('cannot have the fault');
  });

  test('draws the same lots from the same seed, about as many as it was told', () => {
    const draw = (seed: number) => {
      const plan = seededFaults(seed, 0.2);
      return Array.from({ length: 2000 }, (_, number) => plan({ kind: 'put', name: 'x', number }));
    };
    expect(draw(7)).toEqual(draw(7));
    expect(draw(7)).not.toEqual(draw(8));
    const struck = draw(7).filter((fault) => fault !== undefined);
    expect(struck.length / 2000).toBeCloseTo(0.2, 1);
    expect(new Set(struck)).toEqual(new Set(FAULTS.put));
  });
});
