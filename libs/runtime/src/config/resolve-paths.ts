import { resolve } from 'node:path';
import { isTree, type Tree } from './tree.ts';

/** Where a path may stand. By place, not by name alone: people name sources, tiers and targets as they like. */
const PATHS = [
  /^data_dir$/,
  /^(nats|encryption|audit)\.\w+_file$/,
  /^sources\.[^.]+\.(root|json_schema|\w+_file)$/,
  /^sources\.[^.]+\.json_schema\./,
  /^storage\.tiers\.[^.]+\.(location|\w+_file)$/,
  /^repository\.(location|\w+_file)$/,
  /^alerts\.channels\.[^.]+\.\w+_file$/,
];
const URL = /^[a-z][a-z0-9+.-]+:\/\//i;

/**
 * Makes the paths of one layer absolute, from the folder that this layer counts from: a file's own folder, else the
 * working directory. A source with patterns and no root gets that folder as its root.
 */
export function resolvePaths(layer: Tree, base: string): Tree {
  const resolved = walk(layer, base);
  const { sources } = resolved;
  if (!isTree(sources)) return resolved;
  const rooted = Object.entries(sources).map(([name, source]) => [name, withRoot(source, base)]);
  return { ...resolved, sources: Object.fromEntries(rooted) };
}

function withRoot(source: unknown, base: string): unknown {
  return isTree(source) && 'paths' in source && !('root' in source) ? { ...source, root: base } : source;
}

function walk(tree: Tree, base: string, above = ''): Tree {
  return Object.fromEntries(
    Object.entries(tree).map(([key, value]) => {
      const place = `${above}${key}`;
      if (isTree(value)) return [key, walk(value, base, `${place}.`)];
      const isPath = typeof value === 'string' && !URL.test(value) && PATHS.some((path) => path.test(place));
      return [key, isPath ? resolve(base, value) : value];
    }),
  );
}
