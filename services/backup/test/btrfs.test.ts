import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BackupManifest } from '@holdfast/contracts/backup-events';
import { expect, test } from '@jest/globals';
import { boot, place } from './support/booted.ts';
import { mountBtrfs } from './support/btrfs.ts';

const can_mount = (() => {
  using btrfs = mountBtrfs();
  return btrfs !== undefined;
})();

(can_mount ? test : test.skip)(
  'a btrfs subvolume is frozen, read under its own name, and released',
  async () => {
    using btrfs = mountBtrfs();
    using at = place();
    const volume = join(btrfs?.path ?? '', 'srv');
    execFileSync('btrfs', ['subvolume', 'create', volume]);
    mkdirSync(join(btrfs?.path ?? '', '.frozen'));
    const root = join(volume, 'shop');
    mkdirSync(root);
    for (let n = 0; n < 50; n += 1) writeFileSync(join(root, `${n}.json`), `{"n":${n}}`);
    const path = join(btrfs?.path ?? '', '.frozen/{id}');
    // As docs/guide/backups.md has it.
    const volume_snapshot = {
      ...{ volume, path },
      create: ['btrfs', 'subvolume', 'snapshot', '-r', volume, path],
      release: ['btrfs', 'subvolume', 'delete', path],
    };
    const source = { root, backup_frequency: 'monthly', volume_snapshot } as never;
    await using backup = await boot(at, { sources: { bmc: source } });
    await backup.created(1);
    const snapshot = async () => {
      const reply = await backup.call<BackupManifest>('POST', '/api/backup', {
        type: 'snapshot',
        wait: true,
      });
      expect(reply.status).toBe(201);
      return reply.body;
    };
    const made = await snapshot();
    expect(made.moment).toMatchObject({ how: 'volume_snapshot', settled: true });
    expect(made).toMatchObject({ files_new: 0, files_changed: 0, sources: [{ files_backed_up: 50 }] });
    expect(readdirSync(join(btrfs?.path ?? '', '.frozen'))).toEqual([]);
  },
);
