import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { isStorageError } from './blob-store.ts';
import { describeBlobStore } from './conformance.ts';
import { createLocalStore } from './local.ts';

const folders: string[] = [];
const makeFolder = () => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-store-'));
  folders.push(folder);
  return folder;
};
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

describeBlobStore('the local folder', async () => createLocalStore(makeFolder()));

describe('the local folder', () => {
  test('refuses names that could leave it', async () => {
    const store = createLocalStore(makeFolder());
    for (const name of ['../x', '/etc/x', 'a/../b', 'a//b', '', 'tmp/x', '.hidden']) {
      const error = await store.put(name, Buffer.alloc(1)).catch((reason: unknown) => reason);
      expect(isStorageError(error, 'failed')).toBe(true);
    }
  });

  test('may be the root of a file system', async () => {
    const folder = makeFolder();
    mkdirSync(join(folder, 'lost+found'));
    writeFileSync(join(folder, 'lost+found/x'), 'x');
    expect(await Array.fromAsync(createLocalStore(folder).names(''))).toEqual([]);
  });

  test('lists what lies in a folder that was moved away and linked, and follows no circle', async () => {
    const folder = makeFolder();
    const elsewhere = makeFolder();
    const store = createLocalStore(folder);
    await store.put('packs/ab/abcd', Buffer.alloc(3));
    await store.put('packs/cd/cdef', Buffer.alloc(4));
    renameSync(join(folder, 'packs/ab'), join(elsewhere, 'ab'));
    symlinkSync(join(elsewhere, 'ab'), join(folder, 'packs/ab'));
    expect((await Array.fromAsync(store.list('packs/'))).sort((one, other) => one.size - other.size)).toEqual(
      [
        { name: 'packs/ab/abcd', size: 3 },
        { name: 'packs/cd/cdef', size: 4 },
      ],
    );
    symlinkSync('..', join(folder, 'packs/ef'));
    expect(await Array.fromAsync(store.names('packs/'))).toHaveLength(3);
  });

  test('is for its owner only, and leaves nothing beside', async () => {
    const folder = makeFolder();
    await createLocalStore(folder).put('packs/ab/abcd', Buffer.alloc(10));
    expect(statSync(join(folder, 'packs/ab/abcd')).mode & 0o777).toBe(0o600);
    expect(statSync(join(folder, 'packs/ab')).mode & 0o777).toBe(0o700);
    expect(readdirSync(join(folder, 'tmp'))).toEqual(['reserve']);
  });

  test('a writer killed in the middle leaves whole objects or none, and its litter is swept', async () => {
    const folder = makeFolder();
    const size = 3_000_000;
    const script = `
      const { createLocalStore } = await import(${JSON.stringify(new URL('./local.ts', import.meta.url).href)});
      const store = createLocalStore(${JSON.stringify(folder)});
      process.stdout.write('ready');
      for (let n = 0; ; n += 1) await store.put('packs/' + process.pid + '-' + n, Buffer.alloc(${size}, n));
    `;
    for (let round = 0; round < 3; round += 1) {
      const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      await once(child.stdout, 'data');
      while (readdirSync(folder).length < 2) await new Promise((resolve) => setImmediate(resolve));
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    const store = createLocalStore(folder);
    for await (const { name, size: found } of store.list('packs/')) {
      const data = await store.get(name);
      expect([found, data.every((byte) => byte === data[0])]).toEqual([size, true]);
    }
    writeFileSync(join(folder, 'tmp', `${hostname()}-999999999-0123456789abcdef`), 'litter');
    await store.put('config', Buffer.alloc(1));
    expect(readdirSync(join(folder, 'tmp'))).toEqual(['reserve']);
  });
});
