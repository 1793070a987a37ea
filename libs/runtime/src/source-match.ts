import { resolve, sep } from 'node:path';
import { DEFAULT_EXCLUDES, type HoldfastConfig, type SourceConfig } from '@holdfast/contracts/config';
import { compileExcludes, excluder } from './exclude-rules.ts';
import { compilePattern, isWithin } from './path-pattern.ts';
import { backupFolders } from './repository-place.ts';

/** What stands at a path. */
export type PathKind = 'file' | 'directory' | 'symlink';

/** A source with its patterns made ready: the one answer to what is protected, for monitor, backup and recovery. */
export interface CompiledSource {
  readonly name: string;
  readonly config: SourceConfig;
  /** Absolute files and folders to watch and to read; none lies below another. Empty for a database. */
  readonly roots: readonly string[];
  /** True where a file at this absolute path is protected, whether it exists or not. */
  matches(path: string): boolean;
  /** False leaves the path out; a folder that is left out is not entered. */
  select(path: string, kind: PathKind): boolean;
}

/** Where our own files are put together beside their targets; never anybody's data. */
const OWN_TEMPORARY = /^\.holdfast-.*\.tmp$/s;

/**
 * Makes a source ready. Its `root` (default: `base_dir`) is taken from `base_dir` where it is relative. Patterns are
 * globs below the root (or absolute); one that ends in `/` is a folder with all that is in it, and so is one without
 * wildcards that turns out to be a folder; none at all is the whole root. Excludes without a slash match the name of
 * any file or folder below; others are anchored at the root. What a pattern spells out in full is not left out by the
 * default excludes: `paths: [package.lock]` means it.
 */
export function compileSource(name: string, config: SourceConfig, base_dir: string): CompiledSource {
  const root = resolve(base_dir, config.root ?? '.');
  const defaults = compileExcludes(root, config.default_excludes ? DEFAULT_EXCLUDES : []);
  const isExcluded = excluder(root, compileExcludes(root, config.exclude_patterns));
  const patterns = patternsOf(config).map((text) => {
    const pattern = compilePattern(root, text);
    return { ...pattern, leavesOut: excluder(pattern.base, defaults) };
  });
  const select = (path: string, kind: PathKind) =>
    !OWN_TEMPORARY.test(path.slice(path.lastIndexOf(sep) + 1)) &&
    !isExcluded(path) &&
    patterns.some(
      (pattern) =>
        (kind === 'directory' ? pattern.leadsThrough(path) : pattern.matches(path)) &&
        !pattern.leavesOut(path),
    );
  return {
    name,
    config,
    roots: outermost(patterns.map((pattern) => pattern.base)),
    matches: (path) => select(path, 'file'),
    select,
  };
}

/** All sources of a configuration; the data folder and what holds backups is left out of each of them. */
export function compileSources(config: HoldfastConfig, base_dir: string, data_dir: string): CompiledSource[] {
  const own = [data_dir, ...backupFolders(config)];
  return Object.entries(config.sources).map(([name, source]) =>
    own.reduce(withoutFolder, compileSource(name, source, base_dir)),
  );
}

/** The same source without one folder and all that is in it. */
export function withoutFolder(source: CompiledSource, folder: string): CompiledSource {
  const left_out = resolve(folder);
  return {
    ...source,
    roots: source.roots.filter((root) => !isWithin(root, left_out)),
    matches: (path) => !isWithin(path, left_out) && source.matches(path),
    select: (path, kind) => !isWithin(path, left_out) && source.select(path, kind),
  };
}

/** The sources that hold a path, in the order of the configuration; one file may be in several. */
export function sourcesOf<Source extends CompiledSource>(sources: readonly Source[], path: string): Source[] {
  return sources.filter((source) => source.matches(path));
}

// A database has neither root nor paths: it protects no file.
function patternsOf(config: SourceConfig): string[] {
  if (config.paths.length > 0) return config.paths;
  return config.root === undefined ? [] : ['./'];
}

function outermost(paths: readonly string[]): string[] {
  const unique = [...new Set(paths)];
  return unique.filter((path) => !unique.some((other) => other !== path && isWithin(path, other))).sort();
}
