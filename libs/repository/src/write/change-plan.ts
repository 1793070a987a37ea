import { dirname, resolve } from 'node:path';
import type { BackupRequest } from '../api.ts';
import { isWithin, pathToKey } from '../paths.ts';
import { Slice } from '../slice.ts';
import type { Target } from './targets.ts';

/** A folder in which something changed. */
interface TouchedFolder extends Target {
  /** As the paths have them. */
  readonly names: Set<string>;
}

type Request = Pick<BackupRequest, 'changes' | 'select'>;

/**
 * What a backup of named changes has to look at, folder by folder: a mass deletion names a hundred thousand paths, and
 * most of what has to be known of one of them is the same for all in its folder.
 */
export class ChangePlan {
  readonly #select: Request['select'];
  readonly #roots: readonly Target[];
  /** Roots that changed themselves, or something above them. */
  readonly #whole_roots = new Set<Target>();
  /** By path; undefined: what changed in there is not ours. */
  readonly #touched = new Map<string, TouchedFolder | undefined>();
  /** By path. */
  readonly #is_selected = new Map<string, boolean>();

  private constructor(request: Request, roots: readonly Target[]) {
    this.#select = request.select;
    this.#roots = roots;
  }

  /** Roots lie side by side. Changes outside of them are not ours; one above a root is that root. */
  static async of(request: Request, roots: readonly Target[]): Promise<ChangePlan> {
    const plan = new ChangePlan(request, roots);
    const slice = new Slice();
    for (const change of request.changes ?? []) {
      plan.#add(resolve(change));
      const rest = slice.rest();
      if (rest !== undefined) await rest;
    }
    return plan;
  }

  /**
   * Each with what is below it, none of them within another; those of one folder follow each other in order. Where a
   * folder above is missing, as `isMissing` says, that is what changed.
   */
  *targets(isMissing: (folder: Target) => boolean): Generator<Target> {
    yield* this.#whole_roots;
    const missing = new Set<string>();
    for (const folder of this.#folders()) {
      const gone = this.#outermostMissing(folder, isMissing);
      if (gone === undefined) {
        for (const name of [...folder.names].sort()) yield childOf(folder, name);
      } else if (!missing.has(gone.path)) {
        missing.add(gone.path);
        yield gone;
      }
    }
  }

  /** Folders above the targets, whose own entry may have changed (their mtime, most of all): each once. */
  *foldersAbove(): Generator<Target> {
    const told = new Set<string>();
    for (const folder of this.#folders()) {
      for (const above of this.#upwards(folder)) {
        if (told.has(above.path)) break;
        told.add(above.path);
        yield above;
      }
    }
  }

  #add(path: string): void {
    const folder_path = dirname(path);
    if (!this.#touched.has(folder_path)) this.#touched.set(folder_path, this.#touch(folder_path));
    const folder = path === '/' ? undefined : this.#touched.get(folder_path);
    if (folder === undefined) this.#addRootsBelow(path);
    else folder.names.add(path.slice(path.lastIndexOf('/') + 1));
  }

  #touch(path: string): TouchedFolder | undefined {
    const key = pathToKey(path);
    const is_ours = this.#rootOf(key) !== undefined && this.#isSelected({ path, key });
    return is_ours ? { path, key, names: new Set() } : undefined;
  }

  #addRootsBelow(path: string): void {
    const key = pathToKey(path);
    for (const root of this.#roots) if (isWithin(root.key, key)) this.#whole_roots.add(root);
  }

  #rootOf(key: string): Target | undefined {
    return this.#roots.find((root) => isWithin(key, root.key));
  }

  /** True where neither the folder nor one between the root and it is left out. */
  #isSelected(folder: Target): boolean {
    if (this.#select === undefined) return true;
    for (const { path, key } of this.#upwards(folder)) {
      if (this.#roots.some((root) => root.key === key)) return true;
      const is_selected = this.#is_selected.get(path) ?? this.#select(path, 'directory');
      this.#is_selected.set(path, is_selected);
      if (!is_selected) return false;
    }
    return true;
  }

  /** Those that lie within no target, in order of keys. */
  #folders(): TouchedFolder[] {
    const folders = [...this.#touched.values()].filter((folder) => folder !== undefined);
    return folders
      .filter(({ names }) => names.size > 0)
      .filter((folder) => !this.#isCovered(folder))
      .sort((one, other) => (one.key < other.key ? -1 : 1));
  }

  #isCovered(folder: Target): boolean {
    for (const root of this.#whole_roots) if (isWithin(folder.key, root.key)) return true;
    for (const { path } of this.#upwards(folder)) {
      const above = this.#touched.get(dirname(path));
      if (path !== '/' && above?.names.has(path.slice(path.lastIndexOf('/') + 1))) return true;
    }
    return false;
  }

  #outermostMissing(folder: Target, isMissing: (folder: Target) => boolean): Target | undefined {
    let outermost: Target | undefined;
    for (const above of this.#upwards(folder)) if (isMissing(above)) outermost = above;
    return outermost;
  }

  /** The folder and those above it, up to its root. */
  *#upwards(folder: Target): Generator<Target> {
    for (let at = folder; ; at = { path: dirname(at.path), key: pathToKey(dirname(at.path)) }) {
      if (this.#rootOf(at.key) === undefined) return;
      yield at;
      if (at.path === '/') return;
    }
  }
}

function childOf(folder: Target, name: string): Target {
  const key = pathToKey(name);
  return {
    path: folder.path === '/' ? `/${name}` : `${folder.path}/${name}`,
    key: folder.key === '' ? key : `${folder.key}\0${key}`,
  };
}
