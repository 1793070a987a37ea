import { linkSync, lstatSync, mkdirSync, symlinkSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { Entry } from '../api.ts';
import { RepositoryError, systemCode } from '../errors.ts';
import { applyMetadata } from '../metadata.ts';
import { isSafeKey, isWithin, pathForSystem, pathToBytes, pathToKey } from '../paths.ts';
import { clearPath } from './output-file.ts';

/** The folder that is restored into: nothing outside of it is made or changed. */
export class RestoreTarget {
  readonly path: string;
  readonly #base: string;
  /** Folders that are known to be real ones. */
  readonly #folders = new Set<string>();

  /** `base`: key of the stored folder whose content goes straight into the target; '' keeps absolute paths below it. */
  constructor(path: string, base: string) {
    this.path = resolve(path);
    this.#base = base;
  }

  make(): void {
    mkdirSync(this.path, { recursive: true });
    this.#folders.add(this.path);
  }

  /** Where a stored path goes; undefined for the base itself. Throws `restore_refused` for one that would leave. */
  placeOf(path: string): string | undefined {
    const key = pathToKey(path);
    if (key === this.#base || key === '') return undefined;
    if (!isSafeKey(key) || !isWithin(key, this.#base)) {
      throw new RepositoryError('restore_refused', `${path} would leave the target`);
    }
    const relative = this.#base === '' ? path.slice(1) : path.slice(pathLength(path, this.#base) + 1);
    return `${this.path === '/' ? '' : this.path}/${relative}`;
  }

  /** Makes a folder and those above it. Throws `restore_refused` where something else, a symlink too, is in the way. */
  makeFolder(place: string): void {
    if (this.#folders.has(place)) return;
    this.makeFolder(dirname(place));
    try {
      mkdirSync(pathForSystem(place), { mode: 0o700 });
    } catch (error) {
      if (systemCode(error) !== 'EEXIST') throw error;
      if (!lstatSync(pathForSystem(place)).isDirectory()) {
        throw new RepositoryError('restore_refused', `${place} is in the way and no folder`);
      }
    }
    this.#folders.add(place);
  }

  makeSymlink(place: string, entry: Entry): void {
    clearPath(place);
    symlinkSync(pathToBytes(entry.target ?? ''), pathForSystem(place));
    applyMetadata(place, entry);
  }

  /** Another name for a file that was restored. */
  makeLink(place: string, other_name: string): void {
    clearPath(place);
    linkSync(pathForSystem(other_name), pathForSystem(place));
  }
}

/** Length of the path of a folder above it, in characters. */
function pathLength(path: string, folder_key: string): number {
  const depth = folder_key.split('\0').length;
  let at = 0;
  for (let count = 0; count < depth; count += 1) at = path.indexOf('/', at + 1);
  return at;
}
