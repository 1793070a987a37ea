import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import type { RestoreRequest } from '../src/api.ts';
import { openRepository } from '../src/open.ts';
import { type CraftedItem, craftRepository } from './crafted.ts';
import { hookStore } from './hooked-store.ts';
import { contentOf, makeRepository, makeScratch, noise, requestOf, SECRET } from './support.ts';

async function restoreCrafted(
  items: readonly CraftedItem[],
  target: string,
  more: Partial<RestoreRequest> = {},
) {
  const store = await craftRepository(items);
  await using repository = await openRepository(store, SECRET);
  const result = await repository.restore({ snapshot_id: 'latest', target, ...more });
  return { ...result, names: result.failed.map(({ path }) => path) };
}

const link = (target: string) => ({ kind: 'symlink', target: Buffer.from(target) }) as const;
const folder = { kind: 'directory', mode: 0o755 } as const;

describe('a restore stays inside of its target', () => {
  test.each([
    ['..\0..\0evil'],
    ['a\0..\0..\0evil'],
    ['.\0evil'],
    ['a\0\0evil'],
    ['a\0../../evil'],
    ['/etc/evil'],
    ['..'],
  ])('whatever a key says: %j', async (key) => {
    using scratch = makeScratch();
    const target = join(scratch.path, 'deep/target');
    const { names, files } = await restoreCrafted([{ key }, { key: 'good' }], target);
    expect(names).toHaveLength(1);
    expect(files).toBe(1);
    expect(readFileSync(join(target, 'good'), 'utf8')).toBe('good');
    expect(readdirSync(join(scratch.path, 'deep'))).toEqual(['target']);
    expect(readdirSync(scratch.path)).toEqual(['deep']);
    expect(existsSync('/etc/evil')).toBe(false);
  });

  test.each([{ dry_run: true }, { within: ['/a'] }, { subfolder: '/a' }])('and so with %j', async (how) => {
    using scratch = makeScratch();
    const target = join(scratch.path, 'deep/target');
    const items = [{ key: 'a', entry: folder }, { key: 'a\0..\0..\0evil' }, { key: 'a\0good' }];
    const { names, files } = await restoreCrafted(items, target, how);
    expect(names).toEqual(['/a/../../evil']);
    expect(files).toBe(1);
    expect(existsSync(join(scratch.path, 'evil'))).toBe(false);
    expect(existsSync(join(scratch.path, 'deep/evil'))).toBe(false);
  });

  test('where a symlink of the tree has files below it', async () => {
    using scratch = makeScratch();
    mkdirSync(join(scratch.path, 'outside'));
    const outside = join(scratch.path, 'outside');
    const items = [
      { key: 'a', entry: link(outside) },
      { key: 'a\0evil' },
      { key: 'a\0sub', entry: folder },
      { key: 'a\0sub\0evil' },
    ];
    const target = join(scratch.path, 'target');
    for (const _ of [1, 2]) {
      const { names } = await restoreCrafted(items, target);
      expect(names).toContain('/a/evil');
      expect(names).toContain('/a/sub/evil');
      expect(readdirSync(outside)).toEqual([]);
      expect(readlinkSync(join(target, 'a'))).toBe(outside);
    }
  });

  test('where one name is a folder first and a symlink later', async () => {
    using scratch = makeScratch();
    const outside = join(scratch.path, 'outside');
    mkdirSync(outside);
    const items = [{ key: 'a', entry: folder }, { key: 'a', entry: link(outside) }, { key: 'a\0evil' }];
    await restoreCrafted(items, join(scratch.path, 'target'));
    expect(readdirSync(outside)).toEqual([]);
  });

  test('where a symlink stands in the target as a folder, as the file, or as a broken one', async () => {
    using scratch = makeScratch();
    const target = join(scratch.path, 'target');
    const precious = scratch.write('outside/precious', 'precious');
    mkdirSync(target);
    symlinkSync(join(scratch.path, 'outside'), join(target, 'folder'));
    symlinkSync(precious, join(target, 'file'));
    symlinkSync(join(scratch.path, 'outside/new'), join(target, 'broken'));
    const items = [
      { key: 'broken' },
      { key: 'file' },
      { key: 'folder', entry: folder },
      { key: 'folder\0precious' },
      { key: 'large', chunks: [Buffer.alloc(10, 1), Buffer.alloc(10, 2)] },
    ];
    symlinkSync(precious, join(target, 'large'));
    const { names } = await restoreCrafted(items, target);
    expect(names).toEqual(['/folder', '/folder/precious']);
    expect(readFileSync(precious, 'utf8')).toBe('precious');
    expect(readdirSync(join(scratch.path, 'outside'))).toEqual(['precious']);
    expect(readFileSync(join(target, 'broken'), 'utf8')).toBe('broken');
    expect(lstatSync(join(target, 'file')).isFile()).toBe(true);
    expect(readFileSync(join(target, 'large')).length).toBe(20);
  });

  test('and tells where a folder became a symlink meanwhile, and leaves the mode of what that leads to', async () => {
    using scratch = makeScratch();
    const [target, outside] = [join(scratch.path, 'target'), join(scratch.path, 'outside')];
    mkdirSync(outside, { mode: 0o700 });
    const folder = { kind: 'directory', mode: 0o755 } as const;
    const crafted = await craftRepository([{ key: 'dir', entry: folder }, { key: 'dir\0file' }]);
    const swapped = hookStore(crafted, async (operation) => {
      if (operation !== 'get' || !existsSync(join(target, 'dir')) || existsSync(join(target, 'was'))) return;
      renameSync(join(target, 'dir'), join(target, 'was'));
      symlinkSync(outside, join(target, 'dir'));
    });
    await using repository = await openRepository(swapped, SECRET);
    const { failed } = await repository.restore({ snapshot_id: 'latest', target });
    const told = { reason: expect.stringContaining('was replaced'), is_damage: false };
    expect(failed).toMatchObject([
      { path: '/dir/file', ...told },
      { path: '/dir', ...told },
    ]);
    expect(lstatSync(outside).mode & 0o777).toBe(0o700);
    expect(readdirSync(outside)).toEqual([]);
  });

  test.each(['fresh', 'filled'])(
    'whoever swaps its folders while it runs; the target is %s',
    async (state) => {
      using scratch = makeScratch();
      const [target, outside] = [join(scratch.path, 'target'), join(scratch.path, 'outside')];
      const { repository, store } = await makeRepository();
      await using _ = repository;
      const folders = Array.from({ length: 40 }, (__, n) => `${n % 4}/sub-${n}`);
      for (const [n, name] of folders.entries()) {
        scratch.write(`source/${name}/small`, noise(n, 20_000));
        scratch.write(`source/${name}/large`, noise(1_000 + n, 1_500_000));
        mkdirSync(join(outside, name), { recursive: true });
      }
      const source = join(scratch.path, 'source');
      await repository.backup(requestOf(source));
      const request = { snapshot_id: 'latest', target, subfolder: source };
      if (state === 'filled') await repository.restore(request);
      for (const name of state === 'filled' ? folders : [])
        for (const file of ['small', 'large']) writeFileSync(join(target, name, file), 'stood here');
      // One step each time the restore reads: a folder, or the one above it, goes aside and a way out comes into its place, or back.
      const places = folders.flatMap((name) => [name, dirname(name)]).map((name) => join(target, name));
      let step = 0;
      let swapped: string | undefined;
      const swapping = hookStore(store, async (operation) => {
        if (operation !== 'get') return;
        step += 1;
        if (swapped !== undefined) {
          rmSync(swapped);
          renameSync(`${swapped}.aside`, swapped);
        }
        const standing = places.filter((place) => existsSync(place));
        swapped = standing[(step * 7) % standing.length];
        if (swapped === undefined) return;
        renameSync(swapped, `${swapped}.aside`);
        symlinkSync(swapped.replace(target, outside), swapped);
      });
      await using victim = await openRepository(swapping, SECRET);
      const { failed } = await victim.restore(request);
      expect(step).toBeGreaterThan(5);
      // Seen when the folder is entered, or when it is written into: the key of the repository says which comes first.
      const is_told = /was replaced while it was restored|is in the way and no folder/;
      expect(failed.some(({ reason }) => is_told.test(reason))).toBe(true);
      expect(failed.filter(({ is_damage }) => is_damage)).toEqual([]);
      expect(contentOf(outside)).toEqual({});
    },
  );

  test('but the target itself may be a symlink', async () => {
    using scratch = makeScratch();
    mkdirSync(join(scratch.path, 'real'));
    const target = join(scratch.path, 'target');
    symlinkSync('real', target);
    const { failed } = await restoreCrafted([{ key: 'a\0b' }], target);
    expect(failed).toEqual([]);
    expect(readFileSync(join(scratch.path, 'real/a/b'), 'utf8')).toBe('a\0b');
  });

  test('and gives no name to a file that is not the one of its group', async () => {
    using scratch = makeScratch();
    const target = join(scratch.path, 'target');
    // The first name cannot be made: a folder stands there, or what is linked would be another file.
    mkdirSync(join(target, 'a/in the way'), { recursive: true });
    const content = [Buffer.from('of the group')];
    const group = { entry: { link_group: '1:2' }, chunks: content };
    const items = ['a', 'b', 'c'].map((key) => ({ key, ...group }));
    const { names, files } = await restoreCrafted(items, target);
    expect(names).toEqual(['/a']);
    expect(files).toBe(2);
    expect(readFileSync(join(target, 'b'), 'utf8')).toBe('of the group');
    expect(lstatSync(join(target, 'b')).ino).toBe(lstatSync(join(target, 'c')).ino);
  });

  test('and refuses content that is not what the entry says, and leaves what stood there', async () => {
    using scratch = makeScratch();
    const target = join(scratch.path, 'target');
    mkdirSync(target);
    writeFileSync(join(target, 'short'), 'before');
    const items = [
      { key: 'digest', entry: { digest: Buffer.alloc(32, 1) } },
      { key: 'none', entry: { size: 9 }, chunks: [] },
      { key: 'short', entry: { size: 1_000 }, chunks: [Buffer.from('one'), Buffer.from('two')] },
    ];
    const { failed, names } = await restoreCrafted(items, target);
    expect(names).toEqual(['/none', '/short', '/digest']);
    expect(failed.every(({ is_damage }) => is_damage)).toBe(true);
    expect(readdirSync(target)).toEqual(['short']);
    expect(readFileSync(join(target, 'short'), 'utf8')).toBe('before');
  });
});
