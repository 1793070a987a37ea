import type { BlobStore } from '@holdfast/storage/blob-store';
import { createFaultyStore } from '@holdfast/storage/faulty';
import { createMemoryStore } from '@holdfast/storage/memory';
import { describe, expect, test } from '@jest/globals';
import { decodeKit, encodeKit } from '../src/crypto/recovery-kit.ts';
import { initRepository, openRepository, type Secret } from '../src/open.ts';
import { makeRepository, SECRET } from './support.ts';

const NEXT = { password: 'battery staple' };

async function opens(store: BlobStore, secret: Secret): Promise<boolean> {
  try {
    await using _ = await openRepository(store, secret);
    return true;
  } catch {
    return false;
  }
}

describe('the slots of a repository', () => {
  test('a password is changed without a byte of data rewritten', async () => {
    const { repository, store } = await makeRepository();
    await using _ = repository;
    const id = await repository.keys.changePassword({ ...NEXT, rounds: 1000 });
    expect(await repository.keys.list()).toMatchObject([{ id, label: 'first passphrase', in_use: true }]);
    expect([await opens(store, SECRET), await opens(store, NEXT)]).toEqual([false, true]);
    await expect(repository.keys.remove(id)).rejects.toMatchObject({ code: 'bad_request' });
  });

  test('whatever fails while it is changed, the repository opens, with the new one once that was reported', async () => {
    for (const fault of ['before', 'after', 'middle'] as const) {
      for (let number = 0; number < 12; number += 1) {
        const store = createMemoryStore();
        await using _ = await initRepository(store, SECRET, { rounds: 1000 });
        let begun = 0;
        const faulty = createFaultyStore(store, () => (begun++ === number ? fault : undefined));
        const changed = await openRepository(faulty, SECRET)
          .then(async (opened) => {
            await using repository = opened;
            return repository.keys.changePassword({ ...NEXT, rounds: 1000 });
          })
          .then(() => true)
          .catch(() => false);
        const old_opens = await opens(store, SECRET);
        const new_opens = await opens(store, NEXT);
        expect({ fault, number, opens: changed ? new_opens : old_opens || new_opens }).toEqual({
          fault,
          number,
          opens: true,
        });
      }
    }
  });

  test('two who remove each other leave one', async () => {
    const { repository, store } = await makeRepository();
    await using one = repository;
    await one.keys.add({ secret: NEXT, label: 'other', rounds: 1000 });
    await using other = await openRepository(store, NEXT);
    const [first = '', second = ''] = (await one.keys.list())
      .sort((left) => (left.in_use ? -1 : 1))
      .map(({ id }) => id);
    await Promise.allSettled([one.keys.remove(second), other.keys.remove(first)]);
    expect((await opens(store, SECRET)) || (await opens(store, NEXT))).toBe(true);
  });

  test('a key file that is in use is not changed under whoever has it', async () => {
    const store = createMemoryStore();
    await using repository = await initRepository(store, { key_file_bytes: Buffer.alloc(32, 1) });
    await expect(repository.keys.changePassword(NEXT)).rejects.toThrow('a key file is in use');
    expect(await repository.keys.list()).toHaveLength(1);
  });

  test('a recovery kit opens it, and is confirmed by being typed', async () => {
    const { repository, store } = await makeRepository();
    await using _ = repository;
    const { id, secret } = await repository.keys.makeKit();
    const kit = { key_file_bytes: decodeKit(encodeKit(secret).join('\n')) };
    const kits = async () =>
      (await repository.keys.list()).filter(({ purpose }) => purpose === 'recovery_kit');
    expect(await kits()).toMatchObject([{ id, kind: 'key_file', confirmed: null }]);
    await expect(repository.keys.confirmKit(Buffer.alloc(32))).rejects.toMatchObject({
      code: 'wrong_password',
    });
    const confirmed = await repository.keys.confirmKit(kit.key_file_bytes);
    expect(await kits()).toMatchObject([{ id: confirmed, confirmed: expect.stringMatching(/^2/) }]);
    // Twice is once.
    expect(await repository.keys.confirmKit(kit.key_file_bytes)).toBe(confirmed);
    await using by_kit = await openRepository(store, kit);
    expect(by_kit.id).toBe(repository.id);
  });

  test('a repository can name its chunks as another does', async () => {
    const { repository, store } = await makeRepository();
    await using _ = repository;
    const second = createMemoryStore();
    const options = { rounds: 1000, ids_of: { store, secret: SECRET } };
    await using other = await initRepository(second, NEXT, options);
    expect(other.id).not.toBe(repository.id);
    expect([await opens(second, SECRET), await opens(second, NEXT)]).toEqual([false, true]);
    await expect(
      initRepository(createMemoryStore(), NEXT, { ids_of: { store, secret: NEXT } }),
    ).rejects.toMatchObject({ code: 'wrong_password' });
  });
});
