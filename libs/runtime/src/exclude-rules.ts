import { dirname, isAbsolute, sep } from 'node:path';
import picomatch from 'picomatch';
import { below, escapeGlob, GLOB_OPTIONS, isWithin } from './path-pattern.ts';

/** What leaves files out: by the name of any part, or by the path from the root. */
export interface ExcludeRules {
  readonly names: RegExp;
  readonly paths: RegExp | null;
}

const NOTHING = /(?!)/;

/** Patterns without a slash are for names anywhere below; others are anchored at `root`. A slash at the end says nothing. */
export function compileExcludes(root: string, patterns: readonly string[]): ExcludeRules {
  const globs = patterns.map((pattern) => pattern.replace(/(?<=.)\/+$/, ''));
  const anchored = globs.filter((glob) => glob.includes('/')).map((glob) => anchor(root, glob));
  return {
    names: union(globs.filter((glob) => !glob.includes('/'))),
    paths: anchored.length === 0 ? null : union(anchored),
  };
}

/**
 * Tells whether a path or a folder on the way to it, below `base`, is left out. A walk asks for one folder after the
 * other, so the verdict on the last one is kept.
 */
export function excluder(base: string, { names, paths }: ExcludeRules): (path: string) => boolean {
  const isNamed = (path: string) =>
    names.test(path.slice(path.lastIndexOf(sep) + 1)) || (paths?.test(path) ?? false);
  let last = { folder: base, excluded: false };
  const isExcluded = (path: string): boolean => {
    if (path === base || !isWithin(path, base) || below(path, base) === '') return false;
    const folder = dirname(path);
    if (folder !== last.folder) last = { folder, excluded: isExcluded(folder) };
    return last.excluded || isNamed(path);
  };
  return isExcluded;
}

function anchor(root: string, glob: string): string {
  return isAbsolute(glob) ? glob : `${escapeGlob(root === sep ? '' : root)}/${glob}`;
}

function union(globs: readonly string[]): RegExp {
  if (globs.length === 0) return NOTHING;
  return new RegExp(globs.map((glob) => `(?:${picomatch.makeRe(glob, GLOB_OPTIONS).source})`).join('|'));
}
