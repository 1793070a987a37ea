import { mkdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, jest, test } from '@jest/globals';
import fc from 'fast-check';
import type { Repository, Snapshot } from '../src/api.ts';
import { setTimes } from '../src/metadata.ts';
import { openRepository } from '../src/open.ts';
import {
  makeRepository,
  makeScratch,
  noise,
  problemsOf,
  requestOf,
  type Scratch,
  SECRET,
} from './support.ts';

const old = (path: string) => setTimes(path, { mtime_ns: 1_600_000_000_000_000_000n });
const pathsOf = async (repository: Repository, snapshot: Snapshot) =>
  (await Array.fromAsync(repository.entries(snapshot))).map(({ path }) => path);

function makeSource(scratch: Scratch): string {
  for (let n = 0; n < 40; n += 1) scratch.write(`source/f${n}.json`, `{"n":${n}}`);
  scratch.write('source/sub/inner.json', '{}');
  return join(scratch.path, 'source');
}

interface Step {
  readonly name: string;
  readonly action: string;
}

/** Does it, and says which path the monitor would name. */
function takeStep(scratch: Scratch, { name, action }: Step, salt: number): string {
  const is_folder = action === 'remove folder' && name.includes('/');
  const at = is_folder ? name.slice(0, name.indexOf('/')) : name;
  if (action === 'write') scratch.write(`source/${name}`, `${name} ${salt}`);
  else rmSync(join(scratch.path, 'source', at), { recursive: true, force: true });
  return join(scratch.path, 'source', at);
}

describe('a backup after another', () => {
  test('makes no snapshot where nothing differs, and stores nothing twice', async () => {
    using scratch = makeScratch();
    const root = makeSource(scratch);
    const { repository } = await makeRepository();
    await using _ = repository;
    const first = await repository.backup(requestOf(root));
    const again = await repository.backup(requestOf(root, { skip_unchanged: true }));
    expect(again).toMatchObject({ unchanged: true, snapshot: { id: first.snapshot.id } });
    const full = await repository.backup(requestOf(root, { full: true }));
    expect(full.stats).toMatchObject({ files_new: 0, files_changed: 0, tree: first.stats.tree });
    expect(full.stats.bytes_read).toBe(first.stats.bytes);
    expect(full.stats.bytes_stored).toBeLessThan(500);
  });

  test('counts what is new, changed and gone', async () => {
    using scratch = makeScratch();
    const root = makeSource(scratch);
    const { repository } = await makeRepository();
    await using _ = repository;
    await repository.backup(requestOf(root));
    scratch.write('source/new.json', '[]');
    scratch.write('source/f3.json', '{"changed":true}');
    rmSync(join(root, 'sub'), { recursive: true });
    const { stats, snapshot } = await repository.backup(requestOf(root));
    expect(stats).toMatchObject({ files_new: 1, files_changed: 1, files_removed: 1, files: 41 });
    const [, before] = await repository.snapshots();
    const differences = await Array.fromAsync(repository.diff(before as Snapshot, snapshot));
    expect(differences.map(({ path }) => path)).toEqual(
      ['', '/f3.json', '/new.json', '/sub', '/sub/inner.json'].map((name) => `${root}${name}`),
    );
  });

  test.each([1, 10])('gets past %s changed files before very many that stayed', async (changed) => {
    using scratch = makeScratch();
    for (let n = 0; n < 17_000; n += 1) scratch.write(`source/stays/${n}`, '');
    const { repository } = await makeRepository();
    await using _ = repository;
    const root = join(scratch.path, 'source');
    // A backup trusts no file that is as new as the one before: this one is taken later than all were made.
    using later = jest.spyOn(Date, 'now').mockReturnValue(Date.now() + 60_000);
    await repository.backup(requestOf(root));
    expect(later).toHaveBeenCalled();
    for (let n = 0; n < changed; n += 1) scratch.write(`source/changes/${n}`, 'new');
    const { stats } = await repository.backup(requestOf(root));
    expect(stats).toMatchObject({ files: 17_000 + changed, files_new: changed, files_changed: 0 });
  });

  test('sees content that changed while size and mtime did not', async () => {
    using scratch = makeScratch();
    const root = makeSource(scratch);
    const file = scratch.write('source/f1.json', 'AAAA');
    old(file);
    const { repository } = await makeRepository();
    await using _ = repository;
    await repository.backup(requestOf(root));
    scratch.write('source/f1.json', 'BBBB');
    old(file);
    const { snapshot } = await repository.backup(requestOf(root));
    const entry = await repository.find(snapshot, file);
    expect((await repository.read(entry as NonNullable<typeof entry>)).toString()).toBe('BBBB');
  });

  test('trusts no timestamp that is as new as the backup before', async () => {
    using scratch = makeScratch();
    const { repository } = await makeRepository();
    await using _ = repository;
    const root = join(scratch.path, 'source');
    // So that nothing has to be loaded between the write and the backup.
    await repository.backup(requestOf(scratch.write('other/a', 'a'), { source: 'other' }));
    scratch.write('source/a', 'just written');
    await repository.backup(requestOf(root));
    const { stats } = await repository.backup(requestOf(root));
    expect(stats).toMatchObject({ files_changed: 0, bytes_read: 12 });
  });

  test('of named changes is the same tree as a walk finds', async () => {
    const names = ['a', 'b', 'd/e', 'd/f', 'd/g/h', 'i/j'];
    const step = fc.record({
      name: fc.constantFrom(...names),
      action: fc.constantFrom('write', 'remove', 'remove folder'),
    });
    const property = fc.asyncProperty(
      fc.array(step, { minLength: 1, maxLength: 8 }),
      fc.nat(99),
      async (steps, salt) => {
        using scratch = makeScratch();
        const root = join(scratch.path, 'source');
        for (const name of names) scratch.write(`source/${name}`, name);
        const { repository } = await makeRepository();
        await using _ = repository;
        await repository.backup(requestOf(root));
        const changes = steps.map((one) => takeStep(scratch, one, salt));
        const edited = await repository.backup(requestOf(root, { changes }));
        const walked = await repository.backup(requestOf(root, { parent: null }));
        expect(edited.stats.tree).toBe(walked.stats.tree);
      },
    );
    await fc.assert(property, { numRuns: 12 });
  });

  test('carries an open case over, with the folders that lead to it', async () => {
    using scratch = makeScratch();
    const root = makeSource(scratch);
    const lost = join(root, 'sub/inner.json');
    const corrupt = join(root, 'f2.json');
    const { repository } = await makeRepository();
    await using _ = repository;
    await repository.backup(requestOf(root));
    rmSync(join(root, 'sub'), { recursive: true });
    scratch.write('source/f2.json', 'garbage');
    for (const changes of [{}, { changes: [lost, corrupt] }]) {
      const { snapshot } = await repository.backup(
        requestOf(root, { carry: new Set([lost, corrupt]), ...changes }),
      );
      expect(await pathsOf(repository, snapshot)).toEqual(expect.arrayContaining([join(root, 'sub'), lost]));
      const entry = await repository.find(snapshot, corrupt);
      expect((await repository.read(entry as NonNullable<typeof entry>)).toString()).toBe('{"n":2}');
    }
  });

  test('leaves out what is not selected, in a walk and in named changes', async () => {
    using scratch = makeScratch();
    const root = makeSource(scratch);
    scratch.write('source/node_modules/x/y.js', '1');
    const select = (path: string) => !path.endsWith('/node_modules');
    const { repository } = await makeRepository();
    await using _ = repository;
    const first = await repository.backup(requestOf(root, { select }));
    const changes = [join(root, 'node_modules/x/y.js'), join(root, 'node_modules')];
    const second = await repository.backup(requestOf(root, { select, changes }));
    for (const { snapshot } of [first, second]) {
      expect((await pathsOf(repository, snapshot)).filter((path) => path.includes('node_modules'))).toEqual(
        [],
      );
    }
  });

  test('names a root that is gone and keeps what it had; without any root it fails', async () => {
    using scratch = makeScratch();
    const root = makeSource(scratch);
    scratch.write('second/file', 'x');
    const second = join(scratch.path, 'second');
    const { repository } = await makeRepository();
    await using _ = repository;
    await repository.backup(requestOf(root, { roots: [root, second] }));
    renameSync(second, join(scratch.path, 'unmounted'));
    const { stats, snapshot } = await repository.backup(requestOf(root, { roots: [root, second] }));
    expect(stats.unreadable.map(({ path }) => path)).toEqual([second]);
    expect(await pathsOf(repository, snapshot)).toContain(join(second, 'file'));
    const failing = repository.backup(requestOf(root, { roots: [join(scratch.path, 'nowhere')] }));
    await expect(failing).rejects.toMatchObject({ code: 'source_unreadable' });
  });

  test('of a large file that grew at its start stores little', async () => {
    using scratch = makeScratch();
    const file = scratch.write('source/big', noise(3, 12_000_000));
    const root = join(scratch.path, 'source');
    const { repository } = await makeRepository();
    await using _ = repository;
    await repository.backup(requestOf(root));
    scratch.write('source/big', Buffer.concat([Buffer.from('inserted'), readFileSync(file)]));
    const { stats } = await repository.backup(requestOf(root));
    expect(stats.bytes_stored).toBeLessThan(9_000_000);
    expect(statSync(file).size).toBe(12_000_008);
  });
});

describe('another reader', () => {
  test('that was opened before sees what is committed later, and needs no cache', async () => {
    using scratch = makeScratch();
    const root = makeSource(scratch);
    const cache_dir = join(scratch.path, 'cache');
    mkdirSync(cache_dir);
    const { repository, store } = await makeRepository({ cache_dir });
    await using writer = repository;
    await using reader = await openRepository(store, SECRET);
    expect(await reader.snapshots()).toEqual([]);
    for (const content of ['one', 'two']) {
      const file = scratch.write('source/f0.json', content);
      const { snapshot } = await writer.backup(requestOf(root));
      expect((await reader.snapshots())[0]?.id).toBe(snapshot.id);
      const entry = await reader.find(snapshot, file);
      expect((await reader.read(entry as NonNullable<typeof entry>)).toString()).toBe(content);
    }
    expect(await problemsOf(reader)).toEqual([]);
  });
});
