import { createMemoryStore } from '@holdfast/storage/memory';
import { expect, test } from '@jest/globals';
import { initRepository, openRepository } from '../src/open.ts';
import { hookStore } from './hooked-store.ts';
import { makeScratch, requestOf, SECRET } from './support.ts';

const OPTIONS = { rounds: 1000 };

/** Backup and recovery of one system do so at its first start. */
test('of two who make a repository at once one makes it, and the other hears that it is there', async () => {
  using scratch = makeScratch();
  scratch.write('source/file', 'content');
  for (let at = 0; ; at += 1) {
    const store = createMemoryStore();
    let steps = 0;
    const late = hookStore(store, async () => {
      if (steps++ !== at) return;
      await using quick = await initRepository(store, SECRET, OPTIONS);
      await quick.backup(requestOf(scratch.path));
    });
    const outcome = await initRepository(late, SECRET, OPTIONS).catch((error: unknown) => error);
    if (steps <= at) break;
    expect(outcome).toMatchObject({ code: 'repo_exists' });
    await using repository = await openRepository(store, SECRET);
    expect(await repository.snapshots()).toHaveLength(1);
    // Of the one that came too late nothing stays, also no key: `check` would call it damaged.
    expect(await Array.fromAsync(store.names('keys/'))).toHaveLength(1);
  }
});

test('a config that was stored, although its put says that one was there, is no reason to take away its only key', async () => {
  const store = createMemoryStore();
  const twice = {
    ...hookStore(store, async () => undefined),
    put: async (name: string, data: Buffer) => (await store.put(name, data)) && name !== 'config',
  };
  await using _made = await initRepository(twice, SECRET, OPTIONS);
  await using repository = await openRepository(store, SECRET);
  expect(await repository.snapshots()).toEqual([]);
});
