import { realpathSync } from 'node:fs';
import { join, relative } from 'node:path';
import { cacheDir, type RepoOptions, storeOf } from './with-repository.ts';

/**
 * The repository and its cache where they lie below a root, as paths below that root, also where symlinks lead to it. Each
 * backup would store what the one before has written.
 */
export function ownFoldersBelow(roots: readonly string[], options: RepoOptions): string[] {
  const own = [storeOf(options).location, cacheDir()].flatMap((path) => realPath(path) ?? []);
  return roots.flatMap((root) => {
    const real = realPath(root);
    if (real === undefined) return [];
    const below = own.map((path) => relative(real, path));
    return below.filter((path) => path !== '' && !/^\.\.(\/|$)/.test(path)).map((path) => join(root, path));
  });
}

function realPath(path: string | undefined): string | undefined {
  if (path === undefined) return undefined;
  try {
    return realpathSync(path);
  } catch {
    // What is not there, or cannot be reached, the walk or the opening of the repository tells of.
    return undefined;
  }
}
