import { isAbsolute, resolve, sep } from 'node:path';
import picomatch from 'picomatch';

/** One pattern of a source. */
export interface PathPattern {
  /** Absolute: the part before the first wildcard. What is not below it cannot match. */
  readonly base: string;
  /** True where a file at this path matches. */
  matches(path: string): boolean;
  /** True where a folder lies on the way to something that could match. */
  leadsThrough(folder: string): boolean;
}

/** Hidden files are files like others; a leading `!` is part of a name. */
export const GLOB_OPTIONS = { dot: true, nonegate: true } as const;

/** Makes a glob below `root` (or an absolute one) ready. Throws nothing: what is no glob is a name. */
export function compilePattern(root: string, pattern: string): PathPattern {
  const folder = pattern.endsWith('/');
  const { prefix, glob } = split(pattern.replace(/(?<=.)\/+$/, ''));
  const base = resolve(root, prefix);
  if (glob === '') return wholePath(base);
  const wanted = picomatch.makeRe(folder ? `${glob}/**` : glob, GLOB_OPTIONS);
  const partial = partialMatcher(glob, folder);
  return {
    base,
    matches: (path) => isBelow(path, base) && wanted.test(below(path, base)),
    leadsThrough: (path) => isWithin(base, path) || (isBelow(path, base) && partial(below(path, base))),
  };
}

/** A name as a pattern that matches this name only. */
export function escapeGlob(name: string): string {
  return name.replace(/[\\*?[\]{}()!+@|^$]/g, '\\$&');
}

/** True where `path` is `folder` or lies below it. Both absolute and normal. */
export function isWithin(path: string, folder: string): boolean {
  return path === folder || isBelow(path, folder);
}

/** The part of a path below a folder that holds it; empty for the folder itself. */
export function below(path: string, folder: string): string {
  return path.slice(folder === sep ? 1 : folder.length + 1);
}

function isBelow(path: string, folder: string): boolean {
  return path.length > folder.length && path.startsWith(folder === sep ? sep : folder + sep);
}

/** A pattern without wildcards: the file of that name, or the folder with all that is in it. */
function wholePath(base: string): PathPattern {
  return {
    base,
    matches: (path) => isWithin(path, base),
    leadsThrough: (path) => isWithin(base, path) || isBelow(path, base),
  };
}

/** The literal segments in front, unescaped, and the rest. */
function split(pattern: string): { prefix: string; glob: string } {
  const segments = pattern.split('/');
  const first = segments.findIndex(isWild);
  const literal = first < 0 ? segments : segments.slice(0, first);
  const prefix = literal.map((segment) => segment.replace(/\\(.)/g, '$1')).join('/');
  return {
    prefix: isAbsolute(pattern) ? `/${prefix}` : prefix,
    glob: first < 0 ? '' : segments.slice(first).join('/'),
  };
}

// A brace or bracket counts as a wildcard only where it is not escaped; so does everything that picomatch calls one.
function isWild(segment: string): boolean {
  const bare = segment.replace(/\\./g, '');
  return /[{}()]/.test(bare) || picomatch.scan(bare, GLOB_OPTIONS).isGlob;
}

/** Matches folders by as many segments as they have; past a `**`, or where a brace spans a slash, any may lead on. */
function partialMatcher(glob: string, folder: boolean): (path: string) => boolean {
  if (/[{(][^})]*\//.test(glob)) return () => true;
  const segments = glob.split('/');
  const open = segments.indexOf('**');
  const fixed = segments.slice(0, open < 0 ? segments.length : open);
  const matchers = fixed.map((segment) => picomatch(segment, GLOB_OPTIONS));
  return (path) => {
    const names = path.split(sep);
    if (!names.every((name, depth) => matchers[depth]?.(name) ?? true)) return false;
    return open >= 0 || folder || names.length < matchers.length;
  };
}
