import { join, relative, resolve } from 'node:path';
import type { BackupRequest } from '../api.ts';
import { ancestorsOf, isWithin, keyToPath, pathToKey } from '../paths.ts';

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

/** What a backup of named changes has to look at. */
export interface ChangePlan {
  /** Each with what is below it. */
  readonly targets: readonly Target[];
  /** Folders above them, whose own entry may have changed (their mtime, most of all). */
  readonly folders: readonly Target[];
}

/** Changes outside of the roots are not ours; one above a root is that root. */
export function planChanges(request: BackupRequest, roots: readonly Target[]): ChangePlan {
  const wanted = new Set<string>();
  for (const { path, key } of targetsOf(request.changes ?? [])) {
    const root = roots.find((candidate) => isWithin(key, candidate.key));
    if (root === undefined) {
      for (const below of roots.filter((candidate) => isWithin(candidate.key, key))) wanted.add(below.path);
    } else if (isSelectedAbove(request, { key, root })) {
      wanted.add(path);
    }
  }
  const targets = targetsOf(wanted);
  const folders = new Map<string, Target>();
  for (const { key } of targets) {
    for (const above of ancestorsOf(key)) {
      const is_ours = roots.some((root) => isWithin(above, root.key));
      if (is_ours) folders.set(above, { key: above, path: keyToPath(above) });
    }
  }
  return { targets, folders: [...folders.values()] };
}

/** True where no folder between the root and the path is left out. */
function isSelectedAbove(request: BackupRequest, of: { key: string; root: Target }): boolean {
  const { select } = request;
  if (select === undefined) return true;
  const between = [...ancestorsOf(of.key)].filter(
    (above) => isWithin(above, of.root.key) && above !== of.root.key,
  );
  return between.every((above) => select(keyToPath(above), 'directory'));
}
