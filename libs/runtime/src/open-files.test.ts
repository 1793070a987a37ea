import { closeSync, openSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tempDir } from '@holdfast/testkit/temp-dir';
import { expect, test } from '@jest/globals';
import { findOpenFiles, isWritable } from './open-files.ts';

const onLinux = process.platform === 'linux' ? test : test.skip;

onLinux('a file is held by who has it open, and writable where it was opened so', () => {
  using folder = tempDir();
  const paths = ['read', 'written', 'closed'].map((name) => join(realpathSync(folder.path), name));
  const [read = '', written = '', closed = ''] = paths;
  for (const path of paths) writeFileSync(path, 'x');
  const fds = [openSync(read, 'r'), openSync(written, 'r+')];
  closeSync(openSync(closed, 'r+'));
  const open = findOpenFiles((path) => paths.includes(path));
  const seen = [...open].map(([path, handles]) => [
    path,
    handles.map(({ pid }) => pid),
    handles.some(isWritable),
  ]);
  for (const fd of fds) closeSync(fd);
  expect(seen.sort()).toEqual([
    [read, [String(process.pid)], false],
    [written, [String(process.pid)], true],
  ]);
  expect(open.get(written)?.some(isWritable)).toBe(false);
});
