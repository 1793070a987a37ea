import { isAbsolute, sep } from 'node:path';
import picomatch from 'picomatch';
import { escapeGlob, GLOB_OPTIONS } from './path-pattern.ts';

/** What leaves files out: by the name of any part, or by the path from the root. */
export interface ExcludeRules {
  readonly isNamed: (name: string) => boolean;
  readonly isAt: ((path: string) => boolean) | null;
}

const SPECIAL = /[\\*?[\]{}()!+@|]/;
const SINGLE_STAR = /^[^\\*?[\]{}()!+@|]*\*[^\\*?[\]{}()!+@|]*$/;

/** Patterns without a slash are for names anywhere below; others are anchored at `root`. A slash at the end says nothing. */
export function compileExcludes(root: string, patterns: readonly string[]): ExcludeRules {
  const globs = patterns.map((pattern) => pattern.replace(/(?<=.)\/+$/, ''));
  const anchored = globs.filter((glob) => glob.includes('/')).map((glob) => anchor(root, glob));
  return {
    isNamed: nameMatcher(globs.filter((glob) => !glob.includes('/'))),
    isAt: anchored.length === 0 ? null : union(anchored),
  };
}

/**
 * Tells whether a path or a folder on the way to it, below `base`, is left out. A walk asks for one folder after the
 * other, so the verdict on the last one is kept.
 */
export function excluder(base: string, { isNamed, isAt }: ExcludeRules): (path: string) => boolean {
  const inside = base === sep ? sep : base + sep;
  let last = { folder: base, excluded: false };
  const isExcluded = (path: string): boolean => {
    if (path.length <= inside.length || !path.startsWith(inside)) return false;
    const cut = path.lastIndexOf(sep);
    const folder = path.slice(0, cut);
    if (folder !== last.folder) last = { folder, excluded: isExcluded(folder) };
    return last.excluded || isNamed(path.slice(cut + 1)) || (isAt?.(path) ?? false);
  };
  return isExcluded;
}

function anchor(root: string, glob: string): string {
  return isAbsolute(glob) ? glob : `${escapeGlob(root === sep ? '' : root)}/${glob}`;
}

// Every path of a walk goes through here: plain names and single stars, nearly all there are, need no regular expression.
function nameMatcher(globs: readonly string[]): (name: string) => boolean {
  const literal = new Set(globs.filter((glob) => !SPECIAL.test(glob)));
  const starred = globs
    .filter((glob) => SINGLE_STAR.test(glob))
    .map((glob) => glob.split('*') as [string, string]);
  const others = globs.filter((glob) => SPECIAL.test(glob) && !SINGLE_STAR.test(glob));
  const isOther = others.length === 0 ? null : union(others);
  return (name) =>
    literal.has(name) ||
    starred.some(
      ([start, end]) =>
        name.length >= start.length + end.length && name.startsWith(start) && name.endsWith(end),
    ) ||
    (isOther?.(name) ?? false);
}

function union(globs: readonly string[]): (text: string) => boolean {
  const all = new RegExp(globs.map((glob) => `(?:${picomatch.makeRe(glob, GLOB_OPTIONS).source})`).join('|'));
  return (text) => all.test(text);
}
