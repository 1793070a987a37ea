import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { MAIN, makeRepoCli } from '../../../test/repo-cli.ts';

const cli = makeRepoCli();
const { folder, env } = cli;
const source = join(folder, 'source');
const opened = ['--repo', join(folder, 'repository'), '--password-file', join(folder, 'password')];

const repo = (...args: string[]) => cli.run([...args, ...opened]);

let first = '';

beforeAll(() => {
  mkdirSync(join(source, 'sub'), { recursive: true });
  writeFileSync(join(source, 'one.json'), '{"n":1}');
  writeFileSync(join(source, 'sub/two.json'), '{"n":2}');
  writeFileSync(join(source, 'sub/three.txt'), 'three', { mode: 0o640 });
  writeFileSync(join(folder, 'password'), 'correct horse\n');
  expect(repo('init').status).toBe(0);
  first = repo('backup', source, '--json').json().snapshot_id;
});

afterAll(cli.remove);

describe('repo restore', () => {
  test('puts back what is chosen, says what would be done, and goes on where it was', () => {
    const target = join(folder, 'chosen');
    const chosen = ['restore', 'latest', '--target', target, '--include', '*.json'];
    const dry = repo(...chosen, '--dry-run', '--json');
    expect(dry.json()).toMatchObject({ snapshot_id: first, dry_run: true, files: 2, files_unchanged: 0 });
    expect(existsSync(target)).toBe(false);
    expect(repo(...chosen).stdout).toContain('restored 2 files, 14 B');
    truncateSync(join(target, source, 'one.json'), 2);
    expect(repo(...chosen, '--dry-run').stdout).toContain(
      'would restore 1 file, 7 B (1 more, 7 B, were there',
    );
    expect(repo(...chosen).stdout).toContain('restored 1 file, 7 B (1 more, 7 B, were there already)');
    expect(readFileSync(join(target, source, 'one.json'), 'utf8')).toBe('{"n":1}');
    expect(readdirSync(join(target, source, 'sub'))).toEqual(['two.json']);
  });

  test('finds one exact path, and ends with 4 where nothing is so named', () => {
    const target = join(folder, 'exact');
    const exact = join(source, 'sub/three.txt');
    const found = repo('restore', 'latest', '--target', target, '--include', exact, '--json');
    expect(found.json()).toMatchObject({ files: 1, failed: [] });
    expect(readFileSync(join(target, exact), 'utf8')).toBe('three');
    const nothing = repo('restore', 'latest', '--target', target, '--include', `${source}/four.txt`);
    expect(nothing).toMatchObject({ status: 4, stderr: expect.stringContaining('four.txt') });
    expect(repo('restore', `latest:${source}/four`, '--target', target).status).toBe(4);
    expect(repo('restore', 'feedbeef', '--target', target).status).toBe(4);
  });

  test('names each file that it could not restore, puts back the others, and ends with 3', () => {
    const target = join(folder, 'partly');
    mkdirSync(join(target, 'one.json/in the way'), { recursive: true });
    symlinkSync(folder, join(target, 'sub'));
    writeFileSync(join(source, 'sub/four.txt'), '4');
    const { status, stderr } = repo('restore', `latest:${source}`, '--target', target);
    expect(status).toBe(3);
    for (const name of ['one.json', 'sub/two.json', 'sub/three.txt']) {
      expect(stderr).toContain(`not restored: ${source}/${name}: `);
    }
    expect(existsSync(join(folder, 'two.json'))).toBe(false);
  });

  test('ends with 130 at Ctrl-C, and leaves nothing torn', async () => {
    const many = join(folder, 'many');
    mkdirSync(many);
    for (let n = 0; n < 3000; n += 1) writeFileSync(join(many, `${n}`), `content ${n}`);
    expect(repo('backup', many).status).toBe(0);
    const target = join(folder, 'interrupted');
    const args = [MAIN, 'repo', 'restore', 'latest', '--target', target, ...opened];
    const child = spawn(process.execPath, args, { env, stdio: 'ignore' });
    const looks = setInterval(() => {
      if (!existsSync(target)) return;
      clearInterval(looks);
      child.kill('SIGINT');
    }, 1);
    const [status] = await once(child, 'close');
    expect(status).toBe(130);
    for (const name of readdirSync(target, { recursive: true, encoding: 'utf8' })) {
      if (/\/\d+$/.test(name)) expect(readFileSync(join(target, name), 'utf8')).toMatch(/^content \d+$/);
    }
  });
});

describe('repo ls, find and diff', () => {
  test('list names, or all of an entry, below a path', () => {
    expect(repo('ls', first, source).stdout.trimEnd().split('\n')).toEqual(
      ['', '/one.json', '/sub', '/sub/three.txt', '/sub/two.json'].map((name) => `${source}${name}`),
    );
    expect(repo('ls', '-l', `${first}:${source}/sub/three.txt`).stdout).toMatch(
      /^-rw-r----- .* 5 .*three\.txt\n$/,
    );
    expect(repo('ls', `${first}:${source}/nothing`)).toMatchObject({ status: 4, stdout: '' });
    expect(repo('ls', `${first}:${source}/sub/three.txt`, '--json').json()).toMatchObject([{ size: 5 }]);
  });

  test('find a name, not all that is below it', () => {
    const found = repo('find', 'sub', '--snapshot', first, '--json').json();
    expect(found.map(({ path }: { path: string }) => path)).toEqual([join(source, 'sub')]);
    expect(repo('find', `${source}/*.json`, '--snapshot', first, '--json').json()).toHaveLength(1);
    expect(repo('find', 'nothing.*').status).toBe(4);
  });

  test('tell what differs, and by how much', () => {
    writeFileSync(join(source, 'one.json'), '{"n":11}');
    rmSync(join(source, 'sub/two.json'));
    writeFileSync(join(source, 'sub/four.txt'), '4444');
    const second = repo('backup', source, '--json').json().snapshot_id;
    const { stdout } = repo('diff', first, second);
    expect(stdout.split('\n')).toEqual([
      `M  ${source}/one.json`,
      `+  ${source}/sub/four.txt`,
      `-  ${source}/sub/two.json`,
      expect.stringMatching(
        /^1 file added \(4 B\), 1 removed \(7 B\), 1 changed; \d only in their metadata$/,
      ),
      '',
    ]);
    expect(repo('diff', first, second, '--metadata').stdout).toContain(`U  ${source}/sub\n`);
    const changes = repo('diff', first, second, '--json').json();
    expect(changes).toContainEqual(
      expect.objectContaining({ path: `${source}/one.json`, change: 'changed' }),
    );
  });
});

describe('a repository that has lost a pack', () => {
  test('names the files that it no longer holds, and ends with 7', () => {
    const packs = join(folder, 'repository/packs');
    for (const name of readdirSync(packs, { recursive: true, encoding: 'utf8' })) {
      if (name.length > 30) truncateSync(join(packs, name), 60);
    }
    const { status, stderr } = repo('restore', first, '--target', join(folder, 'lost'));
    expect(status).toBe(7);
    expect(stderr).toContain('holdfast:');
  });
});
