import { execFile } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { promisify } from 'node:util';
import { systemCode } from '@holdfast/contracts/errors';

const run = promisify(execFile);

/** A working tree and where its index lies. */
export interface GitTree {
  readonly top: string;
  readonly index: string;
}

/** A lock that is older was left behind by a git that died. */
const LOCK_AGE_MAX_MS = 30_000;
/** An index that was written within this time may explain what happens in the tree now. */
const RECENT_MS = 3_000;
const KNOWN_FOR_MS = 5_000;

/** What git is doing in a tree: `busy` holds every judgement, `recent` means that git has to be asked. */
export type GitActivity = 'busy' | 'recent' | 'quiet';

/** Finds the git trees around paths, and asks git what it meant. Nothing here writes or takes a lock. */
export class GitTrees {
  readonly #known = new Map<string, { tree: GitTree | undefined; until_ms: number }>();

  /** The tree that a path lies in; remembered for some seconds. */
  treeOf(path: string, now_ms: number): GitTree | undefined {
    const folder = dirname(path);
    const known = this.#known.get(folder);
    if (known !== undefined && known.until_ms > now_ms) return known.tree;
    const tree = readTree(folder) ?? (folder === '/' ? undefined : this.treeOf(folder, now_ms));
    if (this.#known.size > 50_000) this.#known.clear();
    this.#known.set(folder, { tree, until_ms: now_ms + KNOWN_FOR_MS });
    return tree;
  }

  activity(tree: GitTree, now_ms: number): GitActivity {
    const locked_ms = modifiedAt(`${tree.index}.lock`);
    if (locked_ms !== undefined && now_ms - locked_ms < LOCK_AGE_MAX_MS) return 'busy';
    const written_ms = modifiedAt(tree.index);
    return written_ms !== undefined && now_ms - written_ms < RECENT_MS ? 'recent' : 'quiet';
  }

  /** Those of the paths that git took out of its index lately: their absence is meant. */
  async removed(tree: GitTree, paths: readonly string[]): Promise<Set<string>> {
    const [index, ...commits] = await Promise.all([
      names(tree, ['ls-files', '-z']),
      ...['HEAD', 'HEAD@{1}', 'stash@{0}'].map((commit) =>
        names(tree, ['ls-tree', '-r', '-z', '--name-only', '--full-tree', commit]),
      ),
    ]);
    const wasKnown = (name: string) => commits.some((commit) => commit.has(name));
    return new Set(
      paths.filter((path) => {
        const name = relative(tree.top, path);
        return !index.has(name) && wasKnown(name);
      }),
    );
  }

  /** Those of the paths whose content is what git put there: as in its index, or a conflict to be resolved. */
  async intended(tree: GitTree, paths: readonly string[]): Promise<Set<string>> {
    const [index, changed, unmerged] = await Promise.all([
      names(tree, ['ls-files', '-z']),
      names(tree, ['diff', '--name-only', '-z', '--no-ext-diff']),
      names(tree, ['diff', '--name-only', '-z', '--no-ext-diff', '--diff-filter=U']),
    ]);
    return new Set(
      paths.filter((path) => {
        const name = relative(tree.top, path);
        return (index.has(name) && !changed.has(name)) || unmerged.has(name);
      }),
    );
  }
}

function readTree(folder: string): GitTree | undefined {
  const entry = join(folder, '.git');
  const stats = statSync(entry, { throwIfNoEntry: false });
  if (stats === undefined) return undefined;
  if (stats.isDirectory()) return { top: folder, index: join(entry, 'index') };
  // A linked worktree or a submodule: a file that says where its folder is.
  const [, place] = /^gitdir: (.+)$/m.exec(readFileSync(entry, 'utf8')) ?? [];
  return place === undefined ? undefined : { top: folder, index: join(resolve(folder, place), 'index') };
}

function modifiedAt(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs;
}

// A tree may belong to another user and may name programs to run: neither may matter here.
const HARMLESS = ['-c', 'safe.directory=*', '-c', 'core.fsmonitor=false', '-c', 'core.quotePath=false'];

async function names(tree: GitTree, args: string[]): Promise<Set<string>> {
  try {
    const { stdout } = await run('git', [...HARMLESS, '-C', tree.top, ...args], {
      maxBuffer: 256 * 1024 * 1024,
      timeout: 10_000,
      env: { ...process.env, GIT_OPTIONAL_LOCKS: '0' },
    });
    return new Set(stdout.split('\0').filter((name) => name !== ''));
  } catch (error) {
    // No git, no such commit, no stash: then git explains nothing, and a loss is a loss.
    if (Error.isError(error) && (systemCode(error) === 'ENOENT' || 'code' in error)) return new Set();
    throw error;
  }
}
