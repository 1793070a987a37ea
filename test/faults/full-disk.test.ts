import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tempDir } from '@holdfast/testkit/temp-dir';
import { eventually } from '@holdfast/testkit/wait-for';
import { expect, test } from '@jest/globals';
import { runCli, startHoldfastProcess } from '../support/holdfast-process.ts';
import { conversation, writeConversations } from '../support/tree.ts';

const isRoot = process.getuid?.() === 0;

/** A small file system of its own, so that it can be filled. */
function smallDisk(path: string, size: string): Disposable {
  mkdirSync(path, { recursive: true });
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', path]);
  return { [Symbol.dispose]: () => execFileSync('umount', ['-l', path]) };
}

(isRoot ? test : test.skip)(
  'the data folder on a full disk: said clearly, nothing damaged, and well again with space',
  async () => {
    using folder = tempDir();
    const disk_path = join(folder.path, 'disk');
    using _disk = smallDisk(disk_path, '96m');
    const root = join(folder.path, 'kb');
    const data_dir = join(disk_path, 'data');
    const [path = ''] = writeConversations(root, 20);
    await using holdfast = await startHoldfastProcess({ data_dir, args: [root] });
    await eventually(async () => (await holdfast.events({ type: 'BackupCreated' })).length > 0, {
      timeout_ms: 20_000,
    });

    const filler = join(disk_path, 'filler');
    expect(() => writeFileSync(filler, Buffer.alloc(96 << 20))).toThrow(/ENOSPC/);
    writeFileSync(path, conversation(7, 2_000_000));
    await eventually(() => /no space|storage_full|ENOSPC/i.test(holdfast.stderr()), {
      timeout_ms: 20_000,
      what: 'it said',
    });
    rmSync(filler);

    const wanted = readFileSync(path);
    const versions = `/api/recovery/history?path=${encodeURIComponent(path)}`;
    await eventually(
      async () =>
        (await holdfast.get<{ versions: { size: number }[] }>(versions)).versions.some(
          (v) => v.size === wanted.length,
        ),
      { timeout_ms: 60_000, what: 'the edit in a backup' },
    );
    unlinkSync(path);
    await eventually(() => existsSync(path) && readFileSync(path).equals(wanted), {
      timeout_ms: 30_000,
      what: 'the file back',
    });
    const check = await runCli(['repo', 'check', '--read-data', '--repo', join(data_dir, 'repository')]);
    expect({ code: check.code, stderr: check.stderr }).toMatchObject({ code: 0 });
  },
  180_000,
);

(isRoot ? test : test.skip)('a start on a full disk is refused in one line, and leaves nothing', async () => {
  using folder = tempDir();
  const disk_path = join(folder.path, 'disk');
  using _disk = smallDisk(disk_path, '1m');
  const root = join(folder.path, 'kb');
  writeConversations(root, 1);
  const { code, stderr } = await runCli(['up', '--data', join(disk_path, 'data'), '--port', '0', root]);
  expect(code).toBe(1);
  expect(stderr.trim().split('\n')).toHaveLength(1);
  expect(stderr).toMatch(/no space left for .*data: \d+ KiB are free/);
  expect(existsSync(join(disk_path, 'data'))).toBe(false);
});
