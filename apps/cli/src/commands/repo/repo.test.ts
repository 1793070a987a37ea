import { spawnSync } from 'node:child_process';
import {
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
const { folder } = cli;
const source = join(folder, 'source');
const opened = ['--repo', join(folder, 'repository'), '--password-file', join(folder, 'password')];

const repo = (...args: string[]) => cli.run(args);

beforeAll(() => {
  mkdirSync(join(source, 'sub'), { recursive: true });
  writeFileSync(join(source, 'one.json'), '{"n":1}');
  writeFileSync(join(source, 'sub/two.json'), '{"n":2}');
  writeFileSync(join(folder, 'password'), 'correct horse\n');
  expect(repo('init', ...opened).status).toBe(0);
});

afterAll(cli.remove);

describe('repo, without a server', () => {
  test('stores, lists, and puts back what was named', () => {
    const backup = repo('backup', source, ...opened, '--json');
    expect(backup.json()).toMatchObject({ files_new: 2, unreadable: [] });
    const [snapshot] = repo('snapshots', ...opened, '--json').json();
    expect(snapshot).toMatchObject({ id: backup.json().snapshot_id, paths: [source], files: 2 });
    const paths = repo('ls', 'latest', ...opened, '--json').json();
    expect(paths.map(({ path }: { path: string }) => path)).toEqual(
      ['', '/one.json', '/sub', '/sub/two.json'].map((name) => `${source}${name}`),
    );
    const target = join(folder, 'target');
    expect(repo('restore', `latest:${source}/sub`, '--target', target, ...opened).status).toBe(0);
    expect(readFileSync(join(target, 'two.json'), 'utf8')).toBe('{"n":2}');
    expect(readdirSync(target)).toEqual(['two.json']);
  });

  test('says by its exit code what went wrong', () => {
    writeFileSync(join(folder, 'wrong'), 'wrong\n');
    expect(repo('snapshots', '--repo', join(folder, 'repository')).status).toBe(2);
    expect(repo('restore', 'feedbeef', '--target', folder, ...opened).status).toBe(4);
    expect(
      repo('snapshots', opened[0] as string, opened[1] as string, '--password-file', join(folder, 'wrong'))
        .status,
    ).toBe(5);
    expect(repo('init', ...opened).stderr).toContain('holds a repository already');
  });

  test('makes no repository among files of somebody else, and one where an init was cut short', () => {
    const password = opened.slice(2);
    const taken = join(folder, 'photos');
    mkdirSync(join(taken, 'tmp'), { recursive: true });
    mkdirSync(join(taken, '2026'));
    writeFileSync(join(taken, '2026/a cat.jpg'), 'x');
    const { status, stderr } = repo('init', '--repo', taken, ...password);
    expect([status, stderr]).toEqual([
      2,
      expect.stringContaining(`${taken} is not empty and no repository (2026/a cat.jpg lies there)`),
    ]);
    expect(readdirSync(taken).sort()).toEqual(['2026', 'tmp']);
    const cut = join(folder, 'cut-short');
    expect(repo('init', '--repo', cut, ...password).status).toBe(0);
    rmSync(join(cut, 'config'));
    expect(repo('init', '--repo', cut, ...password).status).toBe(0);
  });

  test('tells in one line that a root is missing, is only a link, or that a target is no folder', () => {
    const link = join(folder, 'link');
    symlinkSync(join(folder, 'nowhere'), link);
    expect(repo('backup', join(folder, 'nowhere'), ...opened)).toMatchObject({
      status: 2,
      stderr: expect.stringContaining(`${folder}/nowhere cannot be backed up: ENOENT`),
    });
    const options = ['--source', 'links', ...opened];
    expect(repo('backup', link, ...options)).toMatchObject({
      status: 0,
      stderr: `only the link: ${link} is a symlink; what it points to is not in this backup\n`,
    });
    const { status, stderr } = repo('restore', 'latest', '--target', join(folder, 'password'), ...opened);
    expect({ status, lines: stderr.trim().split('\n') }).toEqual({
      status: 1,
      lines: [expect.stringContaining('EEXIST')],
    });
  });

  test('leaves out the repository and the cache where they lie in what is backed up, and says so', () => {
    const args = ['backup', folder, '--source', 'all', ...opened, '--json'];
    const { status, stderr } = repo(...args);
    expect({ status, lines: stderr.trim().split('\n') }).toEqual({
      status: 0,
      lines: ['repository', 'cache/holdfast'].map(
        (name) => `left out: ${folder}/${name} belongs to the repository that is written to`,
      ),
    });
    expect(repo(...args).json()).toMatchObject({ files_new: 0, files_changed: 0 });
  });

  test('takes an empty XDG_CACHE_HOME for none', () => {
    const home = join(folder, 'home');
    mkdirSync(home);
    const env = { ...cli.env, XDG_CACHE_HOME: '', HOME: home };
    const args = [MAIN, 'repo', 'snapshots', ...opened];
    expect(spawnSync(process.execPath, args, { env, cwd: home }).status).toBe(0);
    expect(readdirSync(home)).toEqual(['.cache']);
  });

  test('finds damage, names it, and ends with 7', () => {
    expect(repo('backup', source, ...opened).status).toBe(0);
    expect(repo('check', '--read-data', ...opened).status).toBe(0);
    const packs = join(folder, 'repository/packs');
    const [name] = readdirSync(packs, { recursive: true, encoding: 'utf8' }).filter(
      (path) => path.length > 30,
    );
    truncateSync(join(packs, name as string), 60);
    const check = repo('check', ...opened, '--json');
    expect(check.status).toBe(7);
    expect(check.json().problems[0]).toMatchObject({ object: `packs/${name}` });
  });
});
