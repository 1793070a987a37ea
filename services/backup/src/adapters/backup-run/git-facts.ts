import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Where the protected tree stands in its git history; null where it has none, or no git is at hand. */
export interface GitFacts {
  readonly git_commit: string | null;
  readonly git_branch: string | null;
}

const NONE: GitFacts = { git_commit: null, git_branch: null };
const TIMEOUT_MS = 2_000;

// Most protected folders are no git trees: looking for the name is a hundred times cheaper than a process.
function isInGit(folder: string): boolean {
  const parent = dirname(folder);
  return existsSync(join(folder, '.git')) || (parent !== folder && isInGit(parent));
}

/** Asks git in a child process; never rejects. A detached head has a commit and no branch. */
export async function gitFacts(folder: string): Promise<GitFacts> {
  if (!isInGit(folder)) return NONE;
  // The tree may belong to another user than the one who backs it up; reading two names of it is harmless.
  const args = ['-c', 'safe.directory=*', '-C', folder, 'rev-parse', 'HEAD', '--abbrev-ref', 'HEAD'];
  const { promise, resolve } = Promise.withResolvers<string>();
  execFile('git', args, { timeout: TIMEOUT_MS }, (error, stdout) => resolve(error === null ? stdout : ''));
  const [commit = '', branch = ''] = (await promise).split('\n');
  if (!/^[0-9a-f]{40,64}$/.test(commit)) return NONE;
  return { git_commit: commit, git_branch: branch === 'HEAD' || branch === '' ? null : branch };
}
