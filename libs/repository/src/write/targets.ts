import { join, relative, resolve } from 'node:path';
import type { BackupRequest } from '../api.ts';
import { isWithin, pathToKey } from '../paths.ts';

/** A path under both of its names. */
export interface Target {
  readonly path: string;
  readonly key: string;
}

/** The paths as targets in order of keys, without those that lie within another. */
export function targetsOf(paths: Iterable<string>): Target[] {
  const targets = [...paths].map((path) => resolve(path)).map((path) => ({ path, key: pathToKey(path) }));
  targets.sort((one, other) => (one.key < other.key ? -1 : 1));
  const outermost: Target[] = [];
  for (const target of targets) {
    // What lies within a folder follows right after it.
    const above = outermost.at(-1);
    if (above === undefined || !isWithin(target.key, above.key)) outermost.push(target);
  }
  return outermost;
}

type FrozenCopy = BackupRequest['read_at'];

/** The same target, read where a frozen copy of it is. */
export function readFrom({ path, key }: Target, copy: FrozenCopy): Target {
  return { key, path: copy === undefined ? path : moved(path, copy) };
}

/** The path that is stored for one that is read in a frozen copy. */
export function storedPath(path: string, copy: FrozenCopy): string {
  return copy === undefined ? path : moved(path, { from: copy.at, at: copy.from });
}

function moved(path: string, { from, at }: { from: string; at: string }): string {
  const below = relative(from, path);
  return below === '' ? at : join(at, below);
}
