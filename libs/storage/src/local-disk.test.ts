import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { isStorageError } from './blob-store.ts';
import { describeBlobStore } from './conformance.ts';
import { createLocalStore } from './local.ts';
import { type Disk, LOCAL_DISK } from './local-disk.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-disk-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

type Step = 'write' | 'sync' | 'link' | 'rename';
/** Told of each step before it is done, with what it is about, relative to the store; what it throws the step fails with. */
type Hook = (step: Step, name: string) => void;

/** The real disk, which tells what it is about to do. Files under `tmp/` are called BESIDE: their names are by chance. */
function hookedDisk(hook: Hook): Disk {
  const nameOf = (path: string) => relative(folder, path).replace(/^tmp\/(?!reserve).+/, 'BESIDE') || '.';
  return {
    ...LOCAL_DISK,
    async open(path, flags, mode) {
      const file = await LOCAL_DISK.open(path, flags, mode);
      return hookedFile(file, (step) => hook(step, nameOf(path)));
    },
    async link(from, to) {
      hook('link', nameOf(String(to)));
      await LOCAL_DISK.link(from, to);
    },
    async rename(from, to) {
      hook('rename', nameOf(String(to)));
      await LOCAL_DISK.rename(from, to);
    },
  };
}

function hookedFile(file: FileHandle, hook: (step: Step) => void): FileHandle {
  const { sync, writeFile } = file;
  file.sync = async () => {
    hook('sync');
    await sync.call(file);
  };
  file.writeFile = async (...given) => {
    hook('write');
    await writeFile.apply(file, given);
  };
  return file;
}

const failure = (code: string) => Object.assign(new Error(`${code}: planned`), { code });
const kindOf = (reason: unknown) => (isStorageError(reason) ? reason.kind : reason);

describe('a put into the local folder', () => {
  test('says done after the bytes, the name and every new folder are synced, in this order', async () => {
    const steps: string[] = [];
    const disk = hookedDisk((step, name) => steps.push(`${step} ${name}`));
    const store = createLocalStore(folder, { disk });
    await store.put('packs/ab/abcd', Buffer.from('x'));
    const [synced, rest] = [steps.slice(0, -4), steps.slice(-4)];
    expect(rest).toEqual(['write BESIDE', 'sync BESIDE', 'link packs/ab/abcd', 'sync packs/ab']);
    // `tmp` and `packs` were made in the store's folder, `ab` in `packs`.
    expect(new Set(synced)).toEqual(new Set(['sync .', 'sync tmp', 'sync packs']));
  });

  test('syncs the folder also where the name was taken: the other may not have come so far', async () => {
    const steps: string[] = [];
    await createLocalStore(folder).put('config', Buffer.from('x'));
    const disk = hookedDisk((step, name) => steps.push(`${step} ${name}`));
    expect(await createLocalStore(folder, { disk }).put('config', Buffer.from('y'))).toBe(false);
    expect(steps.at(-1)).toBe('sync .');
  });

  test.each(['BESIDE', 'packs'])(
    'a sync of %s that fails is the end of the store, not of what stands',
    async (where) => {
      let is_failing = false;
      const disk = hookedDisk((step, name) => {
        if (is_failing && step === 'sync' && name === where) throw failure('EIO');
      });
      const store = createLocalStore(folder, { disk });
      await store.put('packs/before', Buffer.from('before'));
      is_failing = true;
      expect(await store.put('packs/now', Buffer.from('now')).catch(kindOf)).toBe('failed');
      is_failing = false;
      await expect(store.put('packs/later', Buffer.from('later'))).rejects.toThrow('a sync failed earlier');
      expect((await store.get('packs/before')).toString()).toBe('before');
      if (where === 'BESIDE') expect(readdirSync(join(folder, 'packs'))).toEqual(['before']);
    },
  );

  test('a sync that finds no room is a full disk, and the store goes on', async () => {
    let is_full = true;
    const disk = hookedDisk((step, name) => {
      if (is_full && step === 'sync' && name === 'BESIDE') throw failure('ENOSPC');
    });
    const store = createLocalStore(folder, { disk });
    expect(await store.put('packs/now', Buffer.from('now')).catch(kindOf)).toBe('full');
    is_full = false;
    expect(await store.put('packs/now', Buffer.from('now'))).toBe(true);
  });

  test('goes on where folders cannot be synced at all', async () => {
    const disk = hookedDisk((step, name) => {
      if (step === 'sync' && name !== 'BESIDE') throw failure('EINVAL');
    });
    const store = createLocalStore(folder, { disk });
    expect(await store.put('packs/now', Buffer.from('now'))).toBe(true);
    expect(await store.put('packs/then', Buffer.from('then'))).toBe(true);
  });
});

const noLinks = (code = 'EPERM') =>
  hookedDisk((step) => {
    if (step === 'link') throw failure(code);
  });

describeBlobStore('a local folder without hard links', async () =>
  createLocalStore(mkdtempSync(join(folder, 'store-')), { disk: noLinks() }),
);

describe('a local folder without hard links', () => {
  test.each(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'])('is one that says %s', async (code) => {
    const store = createLocalStore(folder, { disk: noLinks(code) });
    expect(await store.put('packs/a', Buffer.from('a'))).toBe(true);
    expect(await store.put('packs/a', Buffer.from('b'))).toBe(false);
    expect((await store.get('packs/a')).toString()).toBe('a');
    expect(readdirSync(join(folder, 'tmp'))).toEqual(['reserve']);
  });

  test('puts whole bytes in place of its claim, in one step, after they are synced', async () => {
    const steps: string[] = [];
    const disk = hookedDisk((step, name) => {
      steps.push(`${step} ${name}`);
      if (step === 'link') throw failure('EPERM');
      if (step === 'rename') expect(readFileSync(join(folder, name))).toHaveLength(0);
    });
    await createLocalStore(folder, { disk }).put('config', Buffer.from('x'));
    expect(steps.slice(-5)).toEqual([
      'write BESIDE',
      'sync BESIDE',
      'link config',
      'rename config',
      'sync .',
    ]);
  });

  test('leaves the name free where it could not be used', async () => {
    let is_failing = true;
    const disk = hookedDisk((step) => {
      if (step === 'link') throw failure('EPERM');
      if (step === 'rename' && is_failing) throw failure('EIO');
    });
    const store = createLocalStore(folder, { disk });
    expect(await store.put('config', Buffer.from('x')).catch(kindOf)).toBe('failed');
    is_failing = false;
    expect(await store.put('config', Buffer.from('x'))).toBe(true);
  });
});
