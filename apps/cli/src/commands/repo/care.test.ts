import { mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { makeRepoCli } from '../../../test/repo-cli.ts';

const cli = makeRepoCli();
const { folder } = cli;
const source = join(folder, 'source');
const password = ['--password-file', join(folder, 'password')];
const first = ['--repo', join(folder, 'first'), ...password];
const second = ['--repo', join(folder, 'second'), ...password];
const from_first = ['--from-repo', join(folder, 'first')];
const from_second = ['--from-repo', join(folder, 'second')];

const repo = (...args: string[]) => cli.run(args);

beforeAll(() => {
  mkdirSync(source);
  writeFileSync(join(source, 'one.json'), '{"n":1}');
  writeFileSync(join(folder, 'password'), 'correct horse\n');
  expect(repo('init', ...first).status).toBe(0);
  expect(repo('backup', source, ...first).status).toBe(0);
});

afterAll(cli.remove);

describe('a repository and its copy', () => {
  test('copy only where chunks have the same names, and say how to get there', () => {
    expect(repo('init', '--repo', join(folder, 'stranger'), ...password).status).toBe(0);
    const refused = repo('copy', '--repo', join(folder, 'stranger'), ...password, ...from_first);
    expect([refused.status, refused.stderr]).toEqual([
      2,
      expect.stringContaining('repo init --repo … --from-repo'),
    ]);
    expect(repo('copy', ...second).status).toBe(2);
    expect(repo('init', ...second, ...from_first).status).toBe(0);
    expect(repo('copy', ...second, ...from_first, '--json').json()).toMatchObject({
      there_before: 0,
      failed: [],
    });
    expect(repo('copy', ...second, ...from_first).stdout).toContain(
      'copied 0 snapshots (1 were here before)',
    );
  });

  test('mend each other', () => {
    const packs = join(folder, 'first/packs');
    const [name = ''] = readdirSync(packs, { recursive: true, encoding: 'utf8' }).filter(
      (path) => path.length > 30,
    );
    truncateSync(join(packs, name), 60);
    const check = repo('check', '--read-data-subset', '1/1', ...first);
    expect([check.status, check.stdout]).toEqual([7, expect.stringContaining('all of it')]);
    expect(repo('repair', ...first).status).toBe(7);
    expect(repo('repair', ...first, ...from_second, '--dry-run').stdout).toContain('nothing is changed');
    expect(repo('repair', ...first, ...from_second).status).toBe(0);
    expect(repo('repair', ...first, ...from_second).stdout).toContain('there is nothing to mend');
    expect(repo('check', '--read-data', ...first).status).toBe(0);
    const target = join(folder, 'target');
    expect(repo('restore', `latest:${source}`, '--target', target, ...first).status).toBe(0);
    expect(readFileSync(join(target, 'one.json'), 'utf8')).toBe('{"n":1}');
  });

  test('tell what they take', () => {
    expect(repo('stats', 'latest', ...second, '--json').json()).toMatchObject({
      snapshots: 1,
      files: 1,
      bytes: 7,
      content: { chunks: 1, bytes: 7 },
      stored: { waste_bytes: 0 },
    });
    expect(repo('stats', ...second).stdout).toContain('1 snapshots, 1 files, 7 B if all were restored');
  });
});
