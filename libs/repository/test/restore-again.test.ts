import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import type { RestoreRequest } from '../src/api.ts';
import { setTimes } from '../src/metadata.ts';
import { openOrCreate } from '../src/repository-key.ts';
import { makeRepository, makeScratch, noise, requestOf } from './support.ts';

const NO_PROCESS = 4_194_305; // Above the largest pid that Linux gives.

function mtimeOf(path: string): bigint {
  return lstatSync(path, { bigint: true }).mtimeNs;
}

async function makeRestored() {
  const scratch = makeScratch();
  const root = join(scratch.path, 'source');
  for (const n of [1, 2, 3, 4]) scratch.write(`source/sub/${n}`, `content of ${n}`);
  scratch.write('source/empty', '');
  scratch.write('source/large', noise(5, 6_000_000));
  linkSync(join(root, 'sub/1'), join(root, 'other name'));
  symlinkSync('sub/1', join(root, 'link'));
  const { repository } = await makeRepository();
  await repository.backup(requestOf(root));
  const target = join(scratch.path, 'target');
  const restore = (more: Partial<RestoreRequest> = {}) =>
    repository.restore({ snapshot_id: 'latest', target, subfolder: root, ...more });
  expect(await restore()).toMatchObject({ files: 7, files_unchanged: 0, failed: [] });
  return {
    root,
    target,
    restore,
    async [Symbol.asyncDispose]() {
      await repository[Symbol.asyncDispose]();
      scratch[Symbol.dispose]();
    },
  };
}

describe('a restore that is run again', () => {
  test('reads and leaves what is right already', async () => {
    await using done = await makeRestored();
    const before = readdirSync(done.target).map((name) => lstatSync(join(done.target, name)).ino);
    expect(await done.restore()).toMatchObject({ files: 7, files_unchanged: 7, failed: [] });
    expect(readdirSync(done.target).map((name) => lstatSync(join(done.target, name)).ino)).toEqual(before);
  });

  test('writes what is torn, changed behind its mtime, missing or another kind of thing', async () => {
    await using done = await makeRestored();
    const { root, target } = done;
    truncateSync(join(target, 'sub/2'), 3);
    const mtime_ns = mtimeOf(join(target, 'large'));
    writeFileSync(join(target, 'large'), noise(6, 6_000_000));
    setTimes(join(target, 'large'), { mtime_ns });
    for (const name of ['sub/3', 'empty', 'link']) rmSync(join(target, name));
    symlinkSync('/nowhere', join(target, 'empty'));
    const result = await done.restore();
    expect(result).toMatchObject({ files: 7, files_unchanged: 3, failed: [] });
    expect(readFileSync(join(target, 'large')).equals(noise(5, 6_000_000))).toBe(true);
    for (const name of ['sub/2', 'sub/3', 'empty']) {
      expect(readFileSync(join(target, name), 'utf8')).toBe(readFileSync(join(root, name), 'utf8'));
    }
    expect(mtimeOf(join(target, 'large'))).toBe(mtime_ns);
    expect(mtimeOf(join(target, 'sub'))).toBe(mtimeOf(join(root, 'sub')));
  });

  test('mends the mode of a file whose bytes are right, but not of one that has a name elsewhere', async () => {
    await using done = await makeRestored();
    const [own, shared] = [join(done.target, 'sub/2'), join(done.target, 'sub/3')];
    const elsewhere = join(done.target, '../elsewhere');
    linkSync(shared, elsewhere);
    chmodSync(own, 0o600);
    chmodSync(shared, 0o600);
    const ino = lstatSync(own).ino;
    expect(await done.restore()).toMatchObject({ files_unchanged: 6, failed: [] });
    expect(lstatSync(own)).toMatchObject({ ino, mode: 0o100644 });
    expect(lstatSync(shared).mode).toBe(0o100644);
    expect(lstatSync(elsewhere).mode).toBe(0o100600);
  });

  test('takes away what a killed one left, and nothing else', async () => {
    await using done = await makeRestored();
    const left = `.holdfast-restore-${hostname()}-${NO_PROCESS}-0123456789ab-7`;
    const of_another_host = `.holdfast-restore-other.example-${NO_PROCESS}-0123456789ab-7`;
    const of_a_living_one = `.holdfast-restore-${hostname()}-${process.ppid}-0123456789ab-7`;
    for (const name of [left, of_another_host, of_a_living_one, '.holdfast-restore-notes']) {
      writeFileSync(join(done.target, 'sub', name), 'x');
    }
    await done.restore();
    const hidden = readdirSync(join(done.target, 'sub')).filter((name) => name.startsWith('.'));
    expect(hidden.sort()).toEqual(['.holdfast-restore-notes', of_another_host, of_a_living_one].sort());
  });

  test('says before it what it would do, and changes nothing', async () => {
    await using done = await makeRestored();
    truncateSync(join(done.target, 'sub/2'), 3);
    chmodSync(join(done.target, 'sub/3'), 0o600);
    const dry = await done.restore({ dry_run: true });
    expect(dry).toMatchObject({ files: 7, files_unchanged: 6, failed: [] });
    expect(lstatSync(join(done.target, 'sub/2')).size).toBe(3);
    expect(lstatSync(join(done.target, 'sub/3')).mode).toBe(0o100600);
  });

  test('goes on below a folder that is read-only by now', async () => {
    await using done = await makeRestored();
    chmodSync(join(done.root, 'sub'), 0o500);
    truncateSync(join(done.target, 'sub/2'), 3);
    chmodSync(join(done.target, 'sub'), 0o500);
    expect(await done.restore()).toMatchObject({ files_unchanged: 6, failed: [] });
    expect(lstatSync(join(done.target, 'sub')).mode).toBe(0o40755);
  });
});

const engine = new URL('../src/repository-key.ts', import.meta.url).href;

describe('a restore that is killed', () => {
  test('goes on where it was, and leaves no file torn under its name in a folder that stood before', async () => {
    using scratch = makeScratch();
    const root = join(scratch.path, 'source');
    for (let n = 0; n < 150; n += 1) scratch.write(`source/${n % 5}/${n}`, noise(n, 30_000));
    const local = { location: join(scratch.path, 'repository'), key_file: join(scratch.path, 'key') };
    await using repository = await openOrCreate(local);
    await repository.backup(requestOf(root));
    const target = join(scratch.path, 'target');
    for (let n = 0; n < 5; n += 1) {
      mkdirSync(join(target, `${n}`), { recursive: true });
      writeFileSync(join(target, `${n}/mine`), 'mine');
    }
    const script = `
      const { openOrCreate } = await import(${JSON.stringify(engine)});
      const repository = await openOrCreate(${JSON.stringify(local)});
      let is_told = false;
      const on_progress = () => { if (!is_told) process.stdout.write('begun'); is_told = true; };
      await repository.restore({ snapshot_id: 'latest', target: ${JSON.stringify(target)}, subfolder: ${JSON.stringify(root)}, on_progress });`;
    for (const wait_ms of [0, 10]) {
      const child = spawn(process.execPath, [scratch.write('restore.mjs', script)], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      await Promise.race([once(child.stdout, 'data'), once(child, 'close')]);
      setTimeout(() => child.kill('SIGKILL'), wait_ms);
      await once(child, 'close');
      for (const name of readdirSync(target, { recursive: true, encoding: 'utf8' })) {
        const is_content = /^\d\/\d+$/.test(name);
        if (is_content) expect(lstatSync(join(target, name)).size).toBe(30_000);
      }
    }
    const result = await repository.restore({ snapshot_id: 'latest', target, subfolder: root });
    expect(result).toMatchObject({ files: 150, failed: [] });
    expect(result.files_unchanged).toBeGreaterThan(0);
    const names = readdirSync(target, { recursive: true, encoding: 'utf8' });
    expect(names.filter((name) => name.includes('.holdfast'))).toEqual([]);
    for (let n = 0; n < 150; n += 1) {
      expect(readFileSync(join(target, `${n % 5}/${n}`)).equals(noise(n, 30_000))).toBe(true);
    }
  });
});
