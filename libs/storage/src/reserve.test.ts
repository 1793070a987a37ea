import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createLocalStore } from './local.ts';
import { type Disk, LOCAL_DISK } from './local-disk.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-reserve-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const PIECE = 1 << 20;
const pieces = () => readdirSync(join(folder, 'tmp/reserve'));
/** A disk with so much room, as it says; `free` is changed by the test. */
const diskWith = (room: { free: number }): Disk => ({
  ...LOCAL_DISK,
  statfs: async () => ({ bavail: room.free, bsize: 1 }),
});

/** So many folders with a pack each. */
async function fillStore(count: number): Promise<void> {
  const store = createLocalStore(folder);
  for (let n = 0; n < count; n += 1)
    await store.put(`packs/${String(n).padStart(2, '0')}/x`, Buffer.alloc(1));
}

describe('the reserve of a local folder', () => {
  test('is made by who writes into a store that has packs, of bytes that are really there, in proportion', async () => {
    await fillStore(8);
    expect(pieces()).toEqual([]);
    const store = createLocalStore(folder);
    await store.put('config', Buffer.alloc(1));
    expect(pieces()).toEqual(['0', '1']);
    expect(statSync(join(folder, 'tmp/reserve/0')).blocks * 512).toBeGreaterThanOrEqual(PIECE);
    expect(await Array.fromAsync(store.names('tmp'))).toEqual([]);
    await fillStore(40);
    await createLocalStore(folder).put('more', Buffer.alloc(1));
    expect(pieces()).toHaveLength(8);
  });

  test('is made in time by who writes for long', async () => {
    const store = createLocalStore(folder);
    for (let n = 0; n <= 256; n += 1) await store.put(`packs/${n % 4}/${n}`, Buffer.alloc(1));
    expect(pieces()).toEqual(['0']);
  });

  test('is given up piece by piece, and made again once a deletion has made room', async () => {
    await fillStore(8);
    const room = { free: 100 * PIECE };
    const store = createLocalStore(folder, { disk: diskWith(room) });
    await store.put('config', Buffer.alloc(1));
    room.free = 0;
    expect(await store.freeReserve?.()).toBe(true);
    expect(pieces()).toHaveLength(1);
    expect(await store.freeReserve?.()).toBe(true);
    expect(await store.freeReserve?.()).toBe(false);
    await store.delete('packs/00/x');
    expect(pieces()).toEqual([]);
    room.free = 100 * PIECE;
    await store.delete('packs/01/x');
    expect(pieces()).toEqual(['0', '1']);
  });

  test('is not made where there is little room, nor where it cannot be: what is stored is stored', async () => {
    await fillStore(8);
    const little = createLocalStore(folder, { disk: diskWith({ free: 10 * PIECE }) });
    expect(await little.put('packs/a', Buffer.alloc(1))).toBe(true);
    expect(pieces()).toEqual([]);
    const refuse = async () => Promise.reject(Object.assign(new Error('planned'), { code: 'ENOSPC' }));
    const refusing = createLocalStore(folder, { disk: { ...LOCAL_DISK, rename: refuse } });
    expect(await refusing.put('packs/b', Buffer.alloc(1))).toBe(true);
    expect(readdirSync(join(folder, 'tmp'))).toEqual(['reserve']);
    expect(pieces()).toEqual([]);
  });

  test('nothing is given up where none was made', async () => {
    expect(await createLocalStore(folder).freeReserve?.()).toBe(false);
  });
});
