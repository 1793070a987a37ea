import { resolve } from 'node:path';
import { isTree, type Tree } from './tree.ts';

/** Keys whose value is a path wherever they stand; all that end in `_file` are, too. */
const PATH_KEYS = new Set(['data_dir', 'root', 'json_schema', 'location']);
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

function walk(tree: Tree, base: string): Tree {
  return Object.fromEntries(
    Object.entries(tree).map(([key, value]) => {
      if (isTree(value)) return [key, walk(value, base)];
      const isPath = PATH_KEYS.has(key) || key.endsWith('_file');
      return [key, isPath && typeof value === 'string' && !URL.test(value) ? resolve(base, value) : value];
    }),
  );
}
