import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { HeldFolders, openStanding } from './held-folders.ts';

const REFUSED = { code: 'restore_refused', message: expect.stringContaining('was replaced') };

function makeFolders() {
  const path = mkdtempSync(join(tmpdir(), 'holdfast-held-'));
  const [inside, outside] = [join(path, 'inside'), join(path, 'outside')];
  for (const folder of [inside, outside]) mkdirSync(join(folder, 'deep/folder'), { recursive: true });
  const swap = (name: string) => {
    renameSync(join(inside, name), join(inside, `${name}.aside`));
    symlinkSync(join(outside, name), join(inside, name));
  };
  return { inside, outside, swap, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

const enter = (held: HeldFolders, path: string) => held.enter(path, { path, may_follow: false });

describe('a folder that is held', () => {
  test.each(['deep/folder', 'deep'])(
    'leads into itself while it is open, and nowhere once it is not, where %s is swapped',
    (swapped) => {
      using folders = makeFolders();
      using held = new HeldFolders();
      using later = new HeldFolders();
      const folder = enter(held, join(folders.inside, 'deep/folder'));
      folders.swap(swapped);
      held.within(folder, (at) => writeFileSync(`${at}/file`, 'in the folder that was entered'));
      expect(() => later.within(folder, (at) => writeFileSync(`${at}/file`, 'x'))).toThrow(
        expect.objectContaining(REFUSED),
      );
      expect(() => openStanding(folder)).toThrow(expect.objectContaining(REFUSED));
      expect(readdirSync(join(folders.outside, 'deep/folder'))).toEqual([]);
      const aside = swapped === 'deep' ? 'deep.aside/folder' : 'deep/folder.aside';
      expect(readdirSync(join(folders.inside, aside))).toEqual(['file']);
    },
  );

  test('is none where a symlink stands', () => {
    using folders = makeFolders();
    using held = new HeldFolders();
    folders.swap('deep');
    expect(() => enter(held, join(folders.inside, 'deep'))).toThrow(
      expect.objectContaining({ code: 'ENOTDIR' }),
    );
  });

  test('is found again, however many were entered since', () => {
    using folders = makeFolders();
    using held = new HeldFolders();
    const entered = Array.from({ length: 100 }, (_, n) => {
      const path = join(folders.inside, `${n}`);
      mkdirSync(path);
      return enter(held, path);
    });
    for (const folder of entered) held.within(folder, (at) => writeFileSync(`${at}/file`, ''));
    expect(entered.flatMap(({ path }) => readdirSync(path))).toHaveLength(100);
  });

  test('has the path in an error that people know', () => {
    using folders = makeFolders();
    using held = new HeldFolders();
    const folder = enter(held, join(folders.inside, 'deep'));
    const open = () => held.open(folder, 'none', { flags: 0, mode: 0 });
    expect(open).toThrow(`ENOENT: no such file or directory, open '${folder.path}/none'`);
  });
});
