import picomatch from 'picomatch';
import type { EntryKind } from './api.ts';

export interface PathPatterns {
  readonly include?: readonly string[] | undefined;
  readonly exclude?: readonly string[] | undefined;
}

/** `s`: a name may have line breaks, which `**` has to match too. */
const MATCHING = { dot: true, nonegate: true, flags: 's' };

/** True for a path that a person's patterns choose. Folders above what is included are chosen too. */
export type PathFilter = (path: string, kind?: EntryKind) => boolean;

/**
 * Globs against absolute paths. A pattern that begins with `/` is matched from the root, any other one at any depth;
 * a pattern that matches a folder holds for all that is in it. An absolute path always matches itself, whatever
 * characters it has. Without `include` everything is.
 */
export function createPathFilter(patterns: PathPatterns): PathFilter {
  const is_included = anyOf(patterns.include ?? []);
  const is_excluded = anyOf(patterns.exclude ?? []);
  const takes_all = (patterns.include ?? []).length === 0;
  return (path, kind) => {
    if (is_excluded(path)) return false;
    return takes_all || kind === 'directory' || is_included(path);
  };
}

/** The same patterns, matched by a path itself and not by what is below it. */
export function createPathMatcher(patterns: readonly string[]): (path: string) => boolean {
  const literals = new Set(patterns.filter((pattern) => pattern.startsWith('/')));
  const anchored = patterns.map((pattern) => (pattern.startsWith('/') ? pattern.slice(1) : `**/${pattern}`));
  const matches = picomatch(anchored, MATCHING);
  return (path) => literals.has(path) || matches(path.slice(1));
}

function anyOf(globs: readonly string[]): (path: string) => boolean {
  if (globs.length === 0) return () => false;
  const expanded = globs.flatMap((glob) => {
    const whole = glob.length > 1 ? glob.replace(/\/+$/, '') : glob;
    const anchored = whole.startsWith('/') ? whole.slice(1) : `**/${whole}`;
    return anchored === '' ? ['**'] : [anchored, `${anchored}/**`];
  });
  const matches = picomatch(expanded, MATCHING);
  const literals = globs.filter((glob) => glob.startsWith('/')).map((glob) => glob.replace(/\/+$/, ''));
  return (path) => literals.some((literal) => isAtOrBelow(path, literal)) || matches(path.slice(1));
}

function isAtOrBelow(path: string, folder: string): boolean {
  return path.startsWith(folder) && (path.length === folder.length || path[folder.length] === '/');
}
