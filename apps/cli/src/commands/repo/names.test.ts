import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { makeRepoCli } from '../../../test/repo-cli.ts';

const cli = makeRepoCli();
const { folder } = cli;
const repo = (...args: string[]) =>
  cli.run([...args, '--repo', join(folder, 'repository'), '--password-file', join(folder, 'password')]);

const BAD = '\u001b[2Jforged\nline\u202egpj.x';
const SHOWN = '\\x1b[2Jforged\\nline\\u202egpj.x';
const source = join(folder, 'source');

beforeAll(() => {
  mkdirSync(source);
  writeFileSync(join(folder, 'password'), 'correct horse\n');
  expect(repo('init').status).toBe(0);
  expect(repo('backup', source, '--source', BAD).status).toBe(0);
  writeFileSync(join(source, BAD), '1');
  writeFileSync(join(source, 'a.log'), '1');
  expect(repo('backup', source, '--source', BAD).status).toBe(0);
});

afterAll(cli.remove);

describe('names that others chose', () => {
  test.each([
    ['ls'],
    ['ls', '--long'],
    ['find', '*gpj.x'],
    ['snapshots'],
    ['find', `${BAD}-not-there`],
    ['restore', 'latest', '--target', join(folder, BAD)],
    ['restore', 'latest', '--target', join(folder, 'target'), '--include', `/${BAD}/not-there`],
    ['backup', join(folder, BAD, 'not-there')],
    ['check', '--read-data-subset', BAD],
  ])('do nothing to a terminal: repo %s %s', (...args) => {
    const { stdout, stderr } = repo(...args);
    expect(stdout + stderr).toContain(SHOWN);
    expect(stdout + stderr).not.toMatch(/\p{Cf}/u);
    expect(stdout + stderr).not.toContain('\u001b[2J');
    expect(stdout + stderr).not.toContain('forged\n');
  });

  test('do nothing to a terminal in a diff, and are as they are in --json', () => {
    const [after, before] = repo('snapshots', '--json').json();
    expect(repo('diff', before.id, after.id).stdout).toContain(`+  ${source}/${SHOWN}\n`);
    const entries = repo('ls', '--json').json();
    expect(entries.map(({ path }: { path: string }) => path)).toContain(`${source}/${BAD}`);
  });
});

describe('--include and --exclude', () => {
  test('take one glob each, and no path after it', () => {
    writeFileSync(join(source, 'b.tmp'), '1');
    writeFileSync(join(source, 'c.json'), '1');
    const globs = ['--exclude', '*.log', '--exclude', '*.tmp'];
    const backup = repo('backup', '--source', 'globs', ...globs, source, '--json');
    expect([backup.status, backup.stderr]).toEqual([0, '']);
    const of = backup.json().snapshot_id;
    const paths = repo('ls', of, '--json').json() as { path: string }[];
    expect(paths.map(({ path }) => path)).toEqual(
      ['', `/${BAD}`, '/c.json'].map((name) => `${source}${name}`),
    );
    const target = join(folder, 'globs');
    const included = ['--include', 'c.json', '--include', '*.txt', of, '--target', target];
    expect(repo('restore', ...included, '--json').json()).toMatchObject({ files: 1 });
  });
});
