import { chmodSync, linkSync, lstatSync, mkdirSync, readlinkSync, renameSync, symlinkSync } from 'node:fs';
import { resolve } from 'node:path';
import { RepositoryError, reasonOf, systemCode } from '../errors.ts';
import { applyMetadata, type FileMetadata } from '../metadata.ts';
import { isSafeKey, keyToPath, parentKey, pathForSystem } from '../paths.ts';
import { BesideNames, sweepFolder } from './beside.ts';
import { type Destination, removeFile } from './output-file.ts';

const OWNER_MAY_ALL = 0o700;
const MODE_BITS = 0o7777;

/** A folder below the target, or the target itself. */
export interface TargetFolder {
  readonly path: string;
  /** This restore made it, or found it empty: nothing in it has to be looked at or replaced. */
  readonly is_fresh: boolean;
}

/**
 * The folder that is restored into: nothing outside of it is made or changed. Every folder below it is made, or seen
 * to be a real one, before anything goes into it; names of the tree that could leave it are refused.
 */
export class RestoreTarget implements Disposable {
  readonly path: string;
  readonly #base: string;
  readonly #is_dry: boolean;
  readonly #names = new BesideNames();
  /** By key; a reason where one cannot be had. */
  readonly #folders = new Map<string, TargetFolder | Error>();

  /** `base`: key of the stored folder whose content goes straight into the target; '' keeps absolute paths below it. */
  constructor(path: string, options: { base: string; dry_run: boolean }) {
    this.path = resolve(path);
    this.#base = options.base;
    this.#is_dry = options.dry_run;
  }

  /** Makes the target. It may be a symlink to a folder: it is the caller's own word. Rejects with `restore_refused`. */
  async make(): Promise<void> {
    if (this.#is_dry) {
      const is_there = lstatSync(this.path, { throwIfNoEntry: false }) !== undefined;
      this.#folders.set(this.#base, { path: this.path, is_fresh: !is_there });
      return;
    }
    try {
      const is_made = mkdirSync(this.path, { recursive: true }) !== undefined;
      const is_fresh = is_made || (await sweepFolder(this.path));
      this.#folders.set(this.#base, { path: this.path, is_fresh });
    } catch (error) {
      throw new RepositoryError(
        'restore_refused',
        `nothing can be put into ${this.path}: ${reasonOf(error)}`,
        {
          cause: error,
        },
      );
    }
  }

  /** True for the stored folder that the target stands for, and for what lies above it. */
  isBase(key: string): boolean {
    return key === this.#base || key === '';
  }

  /** The folder of a key, made with those above it. Rejects with `restore_refused` where something else, a symlink too, is in the way. */
  async folder(key: string): Promise<TargetFolder> {
    const known = this.#folders.get(key);
    if (known !== undefined) return orThrow(known);
    try {
      const above = parentKey(key);
      if (above === undefined) throw refused(`${keyToPath(key)} would leave the target`);
      const place = placeIn(await this.folder(above), key);
      const folder = await this.#make(place);
      this.#folders.set(key, folder);
      return folder;
    } catch (error) {
      // All below it fails for the same reason.
      this.#folders.set(key, Error.isError(error) ? error : new Error(reasonOf(error)));
      throw error;
    }
  }

  /**
   * The same once all is in it. Rejects with `restore_refused` where somebody has put something else in its place since,
   * a symlink above all: what lies behind that is not changed, and what went through it is told.
   */
  async finishedFolder(key: string): Promise<TargetFolder> {
    const folder = await this.folder(key);
    const stat = lstatSync(pathForSystem(folder.path), { throwIfNoEntry: false });
    if (!stat?.isDirectory()) throw refused(`${folder.path} was replaced while it was restored`);
    return folder;
  }

  /** Where the entry of a key goes. */
  async destination(key: string): Promise<Destination> {
    const folder = await this.folder(parentKey(key) ?? '');
    return {
      path: placeIn(folder, key).path,
      beside: folder.is_fresh ? undefined : this.#names.next(folder.path),
    };
  }

  /** Gives what could not be set; undefined: it stood there already, just so. */
  makeSymlink(to: Destination, target: Buffer, metadata: FileMetadata): string[] | undefined {
    if (to.beside !== undefined && isSameSymlink(to.path, target, metadata)) return undefined;
    return putInPlace(to, (path) => {
      symlinkSync(target, pathForSystem(path));
      return applyMetadata(path, { kind: 'symlink', ...metadata });
    });
  }

  /** Another name for a file that was restored; false: it had it already. */
  makeLink(to: Destination, other_name: string): boolean {
    if (to.beside !== undefined && isSameFile(to.path, other_name)) return false;
    if (!this.#is_dry) putInPlace(to, (path) => linkSync(pathForSystem(other_name), pathForSystem(path)));
    return true;
  }

  [Symbol.dispose](): void {
    this.#names[Symbol.dispose]();
  }

  async #make(place: { path: string; in_fresh: boolean }): Promise<TargetFolder> {
    const { path, in_fresh } = place;
    if (in_fresh && this.#is_dry) return { path, is_fresh: true };
    const is_made = !this.#is_dry && tryMakeFolder(path);
    if (is_made) return { path, is_fresh: true };
    const stat = lstatSync(pathForSystem(path), { throwIfNoEntry: false });
    if (stat === undefined) return { path, is_fresh: true };
    if (!stat.isDirectory()) throw refused(`${path} is in the way and no folder`);
    if (this.#is_dry) return { path, is_fresh: false };
    openForOwner(path, stat);
    return { path, is_fresh: await sweepFolder(path) };
  }
}

/** Makes something under the name that it has while it is not whole, then gives it its own. */
function putInPlace<Result>(to: Destination, make: (path: string) => Result): Result {
  if (to.beside === undefined) return make(to.path);
  try {
    const result = make(to.beside);
    renameSync(pathForSystem(to.beside), pathForSystem(to.path));
    return result;
  } catch (error) {
    removeFile(to.beside);
    throw error;
  }
}

/** The last part of a key, below a folder. */
function placeIn(folder: TargetFolder, key: string): { path: string; in_fresh: boolean } {
  const name = key.slice(key.lastIndexOf('\0') + 1);
  if (!isSafeKey(name)) throw refused(`${keyToPath(key)} would leave the target`);
  return {
    path: `${folder.path === '/' ? '' : folder.path}${keyToPath(name)}`,
    in_fresh: folder.is_fresh,
  };
}

function tryMakeFolder(path: string): boolean {
  try {
    mkdirSync(pathForSystem(path), { mode: OWNER_MAY_ALL });
    return true;
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error;
    return false;
  }
}

/** A folder that an earlier restore finished may be read-only: it gets its mode again at the end. */
function openForOwner(path: string, stat: { mode: number; uid: number }): void {
  const may_all = (stat.mode & OWNER_MAY_ALL) === OWNER_MAY_ALL;
  if (may_all || stat.uid === 0 || stat.uid !== process.geteuid?.()) return;
  chmodSync(pathForSystem(path), (stat.mode & MODE_BITS) | OWNER_MAY_ALL);
}

function isSameSymlink(path: string, target: Buffer, metadata: FileMetadata): boolean {
  const stat = lstatSync(pathForSystem(path), { bigint: true, throwIfNoEntry: false });
  if (!stat?.isSymbolicLink() || stat.mtimeNs !== metadata.mtime_ns || metadata.xattrs !== undefined)
    return false;
  const is_ours = stat.uid === BigInt(metadata.uid) && stat.gid === BigInt(metadata.gid);
  return is_ours && readlinkSync(pathForSystem(path), { encoding: 'buffer' }).equals(target);
}

function isSameFile(one: string, other: string): boolean {
  const [a, b] = [one, other].map((path) =>
    lstatSync(pathForSystem(path), { bigint: true, throwIfNoEntry: false }),
  );
  return a !== undefined && b !== undefined && a.ino === b.ino && a.dev === b.dev;
}

function orThrow(folder: TargetFolder | Error): TargetFolder {
  if (Error.isError(folder)) throw folder;
  return folder as TargetFolder;
}

function refused(message: string): RepositoryError {
  return new RepositoryError('restore_refused', message);
}
