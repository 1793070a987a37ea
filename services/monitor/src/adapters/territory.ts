import { dirname, resolve } from 'node:path';
import type { HoldfastConfig } from '@holdfast/contracts/config';
import { compilePattern, isWithin } from '@holdfast/runtime/path-pattern';
import { type CompiledSource, compileSources, type PathKind } from '@holdfast/runtime/source-match';
import { look } from './file-stat.ts';

/** How the content of a file is judged; not at all where `json` is false. */
export interface ContentChecks {
  readonly source: string;
  readonly json: boolean;
  readonly conversation: boolean;
  /** The file of a JSON Schema. */
  readonly schema?: string;
}

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
  checksOf(path: string): ContentChecks;
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
    checksOf: (path) => checksOf(path, sourceOf(path), base_dir),
    isCanary: (path) => canaries.some((canary) => canary.matches(path)),
    settleMs: ({ config: { priority } }) => (priority === 'critical' ? settle_critical_ms : settle_ms),
  };
}

/** `*.json` is judged unless its source says `none`, and what a pattern of `json_schema` names, whatever its name. */
function checksOf(path: string, source: CompiledSource | undefined, base_dir: string): ContentChecks {
  const { validator, json_schema, root } = source?.config ?? {};
  const isNamedJson = /\.json$/i.test(path);
  const schemas = typeof json_schema === 'string' ? (isNamedJson ? { '**': json_schema } : {}) : json_schema;
  const found = Object.entries(schemas ?? {}).find(([pattern]) =>
    matcherOf(resolve(base_dir, root ?? '.'), pattern)(path),
  );
  const json = validator !== 'none' && (isNamedJson || found !== undefined);
  return {
    source: source?.name ?? '',
    json,
    conversation: json && validator === 'conversation',
    ...(json && found !== undefined && { schema: resolve(base_dir, found[1]) }),
  };
}

/** Schema files that sources name. */
export function schemaFiles({ config, base_dir }: TerritoryOptions): { source: string; file: string }[] {
  return Object.entries(config.sources).flatMap(([source, { json_schema = {} }]) => {
    const files = typeof json_schema === 'string' ? [json_schema] : Object.values(json_schema);
    return files.map((file) => ({ source, file: resolve(base_dir, file) }));
  });
}

const matchers = new Map<string, (path: string) => boolean>();

/** Patterns are few and asked for every file: each is made ready once. A pattern without a slash is meant at any depth. */
function matcherOf(root: string, pattern: string): (path: string) => boolean {
  const key = `${root}\0${pattern}`;
  const known = matchers.get(key);
  if (known !== undefined) return known;
  const anywhere = pattern.includes('/') ? pattern : `**/${pattern}`;
  const { matches } = compilePattern(root, anywhere);
  matchers.set(key, matches);
  return matches;
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
