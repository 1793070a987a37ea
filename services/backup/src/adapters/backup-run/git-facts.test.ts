import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { tempDir } from '@holdfast/testkit/temp-dir';
import { expect, test } from '@jest/globals';
import { gitFacts } from './git-facts.ts';

test('commit and branch of the tree that a folder lies in; null without one', async () => {
  using folder = tempDir();
  const root = join(folder.path, 'bmc');
  mkdirSync(join(root, 'data'), { recursive: true });
  expect(await gitFacts(root)).toEqual({ git_commit: null, git_branch: null });

  const git = (...args: string[]) =>
    execFileSync('git', ['-C', root, '-c', 'user.name=t', '-c', 'user.email=t@example.org', ...args], {
      stdio: 'pipe',
      encoding: 'utf8',
    });
  git('init', '-q', '-b', 'trunk');
  expect(await gitFacts(root)).toEqual({ git_commit: null, git_branch: null });
  git('commit', '-q', '--allow-empty', '-m', 'first');
  const commit = git('rev-parse', 'HEAD').trim();
  expect(await gitFacts(join(root, 'data'))).toEqual({ git_commit: commit, git_branch: 'trunk' });
  git('checkout', '-q', '--detach');
  expect(await gitFacts(root)).toEqual({ git_commit: commit, git_branch: null });
});
