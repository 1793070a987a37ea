import { dirname, resolve } from 'node:path';
import type { HoldfastConfig } from '@holdfast/contracts/config';
import { compilePattern, isWithin } from '@holdfast/runtime/path-pattern';
import { type CompiledSource, compileSources, type PathKind } from '@holdfast/runtime/source-match';
import { look } from './file-stat.ts';

export type ValidatorName = 'none' | 'json';

/** What is protected, and the folders that it is found in. */
export interface Territory {
  /** Folders to watch and to walk; none lies below another. */
  readonly roots: readonly string[];
  readonly sources: readonly CompiledSource[];
  /** The source that a file belongs to: the first that matches. */
  sourceOf(path: string): CompiledSource | undefined;
  /** False where neither the path nor anything below it can be protected. */
  enters(path: string, kind: PathKind): boolean;
  rootOf(path: string): string | undefined;
  validatorOf(path: string): ValidatorName;
  /** A file that nobody has a reason to touch. */
  isCanary(path: string): boolean;
  /** Quiet time after the last write before a file of this source is judged. */
  settleMs(source: CompiledSource): number;
}

export interface TerritoryOptions {
  readonly config: HoldfastConfig;
  readonly base_dir: string;
  readonly data_dir: string;
}

/** Plain data in, so that a worker thread makes the very same territory. */
export function createTerritory({ config, base_dir, data_dir }: TerritoryOptions): Territory {
  const sources = compileSources(config, base_dir, data_dir).filter(({ roots }) => roots.length > 0);
  const roots = outermost(sources.flatMap((source) => rootsOf(source, base_dir)));
  const { settle_ms, settle_critical_ms } = config.monitor;
  const canaries = config.monitor.canaries.map((glob) =>
    compilePattern('/', glob.startsWith('/') ? glob : `**/${glob}`),
  );
  const sourceOf = (path: string) => sources.find((source) => source.matches(path));
  return {
    roots,
    sources,
    sourceOf,
    enters: (path, kind) => roots.includes(path) || sources.some((source) => source.select(path, kind)),
    rootOf: (path) => roots.find((root) => isWithin(path, root)),
    validatorOf: (path) =>
      sourceOf(path)?.config.validator === 'none' || !/\.json$/i.test(path) ? 'none' : 'json',
    isCanary: (path) => canaries.some((canary) => canary.matches(path)),
    settleMs: ({ config: { priority } }) => (priority === 'critical' ? settle_critical_ms : settle_ms),
  };
}

/**
 * A source that names its root is watched from there, so that a folder of it that vanishes is a loss and not a lost
 * root. A path by itself is watched as the folder that it is, or from the folder that it lies in.
 */
function rootsOf(source: CompiledSource, base_dir: string): string[] {
  const named = source.config.root === undefined ? undefined : resolve(base_dir, source.config.root);
  return source.roots.map((root) => {
    if (named !== undefined && isWithin(root, named) && look(named).kind !== 'file') return named;
    return look(root).kind === 'file' ? dirname(root) : root;
  });
}

/** Each folder once, without those that lie below another; in order. */
export function outermost(folders: readonly string[]): string[] {
  const kept: string[] = [];
  for (const folder of [...new Set(folders)].sort(byDepthFirst)) {
    const last = kept.at(-1);
    if (last === undefined || !isWithin(folder, last)) kept.push(folder);
  }
  return kept;
}

// With a slash at its end a folder comes right before all that lies below it.
function byDepthFirst(one: string, other: string): number {
  return `${one}/` < `${other}/` ? -1 : 1;
}
