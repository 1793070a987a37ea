import { rmSync, truncateSync } from 'node:fs';
import { StorageError } from '@holdfast/storage/blob-store';
import { createMemoryStore } from '@holdfast/storage/memory';
import { describe, expect, test } from '@jest/globals';
import { engineOf } from '../src/engine-of.ts';
import { runBackup } from '../src/write/backup.ts';
import { STORING_LIMITS } from '../src/write/file-storer.ts';
import type { BackupLimits } from '../src/write/read-pass.ts';
import { hookStore } from './hooked-store.ts';
import { makeRepository, makeScratch, noise, problemsOf, requestOf } from './support.ts';

/** A pack for each block: one file makes many. The walk is far from its end when the first of them are stored. */
const LIMITS: BackupLimits = { ...STORING_LIMITS, outstanding_max: 8, waiting_max: 100_000, pack_bytes: 1 };
const MANY = 1_000;

type Fate = 'is aborted' | 'meets a store that fails';

/** A repository whose first backup ends when its first packs are put; what that backup is told. */
async function makeCutShort(fate: Fate) {
  const controller = new AbortController();
  const both = Promise.withResolvers<void>();
  let puts = 0;
  const store = hookStore(createMemoryStore(), async (operation, name) => {
    if (operation !== 'put' || !name.startsWith('packs/')) return;
    puts += 1;
    if (puts > 2) return;
    // The thread sent two packs and waits, in the middle of its file.
    if (puts === 2) both.resolve();
    await both.promise;
    if (fate === 'is aborted') controller.abort();
    else throw new StorageError('failed', 'no answer');
  });
  const { repository } = await makeRepository({ store });
  const code = fate === 'is aborted' ? 'interrupted' : 'storage_failed';
  return { repository, engine: engineOf(repository), signal: controller.signal, code };
}

const FATES: readonly Fate[] = ['is aborted', 'meets a store that fails'];

describe.each(FATES)('a backup that %s', (fate) => {
  test('leaves the threads ready for the next one, though it ends in the middle of a file of many packs', async () => {
    using scratch = makeScratch();
    const { repository, engine, signal, code } = await makeCutShort(fate);
    await using _ = repository;
    scratch.write('source/a.bin', noise(1, 32 << 20));
    for (let at = 0; at < MANY; at += 1) scratch.write(`source/z/${at}`, `file ${at}`);
    const request = requestOf(`${scratch.path}/source`);
    await expect(runBackup(engine, { ...request, signal }, LIMITS)).rejects.toMatchObject({ code });
    const { stats } = await runBackup(engine, request, LIMITS);
    expect(stats).toMatchObject({ files: MANY + 1, unreadable: [] });
    expect(await problemsOf(repository)).toEqual([]);
  });

  test('ends at once, also in a file that takes hours to read', async () => {
    using scratch = makeScratch();
    const { repository, engine, signal, code } = await makeCutShort(fate);
    await using _ = repository;
    const huge = scratch.write('source/huge', noise(1, 12 << 20));
    truncateSync(huge, 2 ** 40);
    scratch.write('source/small', 'small');
    const request = requestOf(`${scratch.path}/source`);
    await expect(runBackup(engine, { ...request, signal }, LIMITS)).rejects.toMatchObject({ code });
    rmSync(huge);
    scratch.write('source/next', noise(2, 3 << 20));
    // In threads again: the one that read the huge file has stopped.
    const { stats } = await runBackup(engine, request, LIMITS);
    expect(stats).toMatchObject({ files: 2, unreadable: [] });
    expect(await problemsOf(repository)).toEqual([]);
  });
});
