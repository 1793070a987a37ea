import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { makeRepoCli } from '../../../test/repo-cli.ts';

const cli = makeRepoCli();
const { folder } = cli;
const at = ['--repo', join(folder, 'repository')];
const by = (name: string) => [...at, '--password-file', join(folder, name)];

const repo = cli.run;

beforeAll(() => {
  writeFileSync(join(folder, 'old'), 'correct horse\n');
  writeFileSync(join(folder, 'new'), 'battery staple\n');
  expect(repo(['init', ...by('old')]).status).toBe(0);
});

afterAll(cli.remove);

describe('repo key', () => {
  test('changes the passphrase', () => {
    expect(repo(['key', 'passwd', ...by('old'), '--new-password-file', join(folder, 'new')]).status).toBe(0);
    expect([repo(['key', 'list', ...by('old')]).status, repo(['key', 'list', ...by('new')]).status]).toEqual([
      5, 0,
    ]);
  });

  test('prints a kit that opens the repository once it is typed, and says where it is mistyped', () => {
    const page_file = join(folder, 'kit.txt');
    const kit = repo(['key', 'kit', ...by('new'), '--out', page_file, '--json']);
    expect(kit.json()).toMatchObject({ file: page_file, location: expect.stringContaining('repository') });
    expect(statSync(page_file).mode & 0o777).toBe(0o600);
    const slot_count = () => repo(['key', 'list', ...by('new'), '--json']).json().length;
    const before = slot_count();
    expect(repo(['key', 'kit', ...by('new'), '--out', page_file]).status).toBe(2);
    expect(slot_count()).toBe(before);
    const page = readFileSync(page_file, 'utf8');
    expect(repo(['snapshots', ...by('kit.txt')]).status).toBe(0);

    const groups = [...page.matchAll(/^ {4}\d {3}(\w{4}-\w{4})$/gm)].map(([, group]) => group as string);
    const wrong = groups.with(
      6,
      (groups[6] as string).replace(/^./, (first) => (first === '7' ? '8' : '7')),
    );
    const refused = repo(['key', 'confirm', ...at], wrong.join('\n'));
    expect([refused.status, refused.stderr]).toEqual([2, expect.stringContaining('group 7 is mistyped')]);
    const slots = () => repo(['key', 'list', ...by('new'), '--json']).json();
    expect(slots()).toContainEqual(expect.objectContaining({ purpose: 'recovery_kit', confirmed: null }));
    expect(repo(['key', 'confirm', ...at], groups.join('\n').toLowerCase()).status).toBe(0);
    expect(slots()).toContainEqual(
      expect.objectContaining({ purpose: 'recovery_kit', confirmed: expect.stringMatching(/Z$/) }),
    );
    expect(repo(['key', 'list', ...by('new')]).stdout).toContain('confirmed 2');
  });

  test('makes a second repository whose chunks are named as those of the first', () => {
    const second = ['--repo', join(folder, 'second'), '--password-file', join(folder, 'old')];
    const from = ['--from-repo', join(folder, 'repository'), '--from-password-file'];
    expect(repo(['init', ...second, ...from, join(folder, 'old')]).status).toBe(5);
    expect(repo(['init', ...second, ...from, join(folder, 'new')]).status).toBe(0);
  });
});
