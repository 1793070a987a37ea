import { VolumeSnapshotConfig } from '@holdfast/contracts/source-commands';
import type { ServiceContext } from '@holdfast/runtime/connect-service';
import { silentLogger } from '@holdfast/runtime/logger';
import { expect, test } from '@jest/globals';
import type { FrozenCopy } from '../src/adapters/moments/frozen-table.ts';
import { openVolumeSnapshots } from '../src/adapters/moments/volume-snapshots.ts';
import type { BackupState } from '../src/adapters/state.ts';
import type { ProtectedSource } from '../src/config.ts';
import type { BackupRun } from '../src/domain/backup-run/state.ts';

/** The volumes of a service whose disk may be full. */
function volumesOver(left: readonly FrozenCopy[]) {
  const copies = new Map(left.map((copy) => [copy.id, copy]));
  const disk = { is_full: false };
  const state = {
    write: (work: () => unknown) => {
      if (disk.is_full) throw Object.assign(new Error('no space left'), { code: 'ENOSPC' });
      return work();
    },
    frozen: {
      list: () => [...copies.values()],
      put: (copy: FrozenCopy) => void copies.set(copy.id, copy),
      remove: (id: string) => void copies.delete(id),
    },
  } as unknown as BackupState;
  const context = { log: silentLogger(), host: 'h' } as unknown as ServiceContext;
  return { copies, disk, open: () => openVolumeSnapshots({ context, state }) };
}

const left = (release: FrozenCopy['release'], path = '/no/such/place'): FrozenCopy => ({
  ...{ id: 'hf1', source: 'bmc', path, release, timeout_ms: 10_000 },
});

test('a full disk at start is no crash: what was left stays noted, and is released when there is room', async () => {
  const { copies, disk, open } = volumesOver([left(['true'])]);
  disk.is_full = true;
  await open()[Symbol.asyncDispose]();
  expect(copies.size).toBe(1);
  disk.is_full = false;
  await open()[Symbol.asyncDispose]();
  expect(copies.size).toBe(0);
});

test('one that is not mounted is released when it can be, and given up only after some tries', async () => {
  const { copies, open } = volumesOver([left(['false'])]);
  for (let start = 0; start < 4; start += 1) {
    await using volumes = open();
    await volumes[Symbol.asyncDispose]();
    expect(volumes.trouble('bmc')).toContain('could not be released');
  }
  expect(copies.size).toBe(1);
  await open()[Symbol.asyncDispose]();
  expect(copies.size).toBe(0);
});

test('one that stands is never given up', async () => {
  const { copies, open } = volumesOver([left(['false'], '/')]);
  for (let start = 0; start < 7; start += 1) await open()[Symbol.asyncDispose]();
  expect(copies.size).toBe(1);
});

test('why it could not be made is told, also where its release cannot be noted', async () => {
  const { disk, open } = volumesOver([]);
  await using volumes = open();
  const volume = VolumeSnapshotConfig.parse({
    ...{ volume: '/srv', path: '/no/such/{id}', create: 'exit 5', release: ['true'] },
  });
  const source = { name: 'bmc', roots: ['/srv/a'], matches: () => false } as unknown as ProtectedSource;
  const making = volumes.freeze(volume, { run: {} as BackupRun, source });
  setImmediate(() => {
    disk.is_full = true;
  });
  await expect(making).rejects.toMatchObject({ code: 'volume_snapshot_failed' });
});
