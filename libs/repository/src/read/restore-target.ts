import { chmodSync, closeSync, linkSync, lstatSync, mkdirSync, readlinkSync, symlinkSync } from 'node:fs';
import { resolve } from 'node:path';
import { RepositoryError, reasonOf, systemCode } from '../errors.ts';
import { applyMetadata, applyMetadataTo, type FileMetadata } from '../metadata.ts';
import { isSafeKey, keyToPath, parentKey, pathForSystem } from '../paths.ts';
import { BesideNames, sweepFolder } from './beside.ts';
import { HeldFolders, openStanding, pathIn, type RealFolder } from './held-folders.ts';
import { type Destination, putInPlace, removeFile } from './output-file.ts';

const OWNER_MAY_ALL = 0o700;
const MODE_BITS = 0o7777;

/** A folder below the target, or the target itself. */
export interface TargetFolder extends RealFolder {
  /** This restore made it, or found it empty: nothing in it has to be looked at or replaced. */
  readonly is_fresh: boolean;
}

/**
 * The folder that is restored into: nothing outside of it is made or changed. Every folder below it is made, or seen
 * to be a real one, before anything goes into it, and that very one is held on to; names of the tree that could leave it are refused.
 */
export class RestoreTarget implements Disposable {
  readonly path: string;
  /** For all that is done in its folders. */
  readonly held = new HeldFolders();
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
  make(): void {
    if (this.#is_dry) {
      const is_there = lstatSync(this.path, { throwIfNoEntry: false }) !== undefined;
      this.#folders.set(this.#base, { path: this.path, identity: undefined, is_fresh: !is_there });
      return;
    }
    try {
      const is_made = mkdirSync(this.path, { recursive: true }) !== undefined;
      const target = this.held.enter(this.path, { path: this.path, may_follow: true });
      const is_fresh = is_made || this.held.within(target, sweepFolder);
      this.#folders.set(this.#base, { ...target, is_fresh });
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
  folder(key: string): TargetFolder {
    const known = this.#folders.get(key);
    if (known !== undefined) return orThrow(known);
    try {
      const above = parentKey(key);
      if (above === undefined) throw refused(`${keyToPath(key)} would leave the target`);
      const folder = this.#make(this.folder(above), nameOf(key));
      this.#folders.set(key, folder);
      return folder;
    } catch (error) {
      // All below it fails for the same reason.
      this.#folders.set(key, Error.isError(error) ? error : new Error(reasonOf(error)));
      throw error;
    }
  }

  /**
   * Sets the metadata of a folder once all is in it; what could not be set. Throws `restore_refused` where somebody has put
   * something else in its place since, a symlink above all: what lies behind that is not changed.
   */
  finishFolder(key: string, metadata: FileMetadata): string[] {
    const folder = this.folder(key);
    const fd = openStanding(folder);
    try {
      return applyMetadataTo(fd, folder.path, metadata);
    } finally {
      closeSync(fd);
    }
  }

  /** Where the entry of a key goes. */
  destination(key: string): Destination {
    const folder = this.folder(parentKey(key) ?? '');
    return { folder, name: nameOf(key), beside: folder.is_fresh ? undefined : this.#names.next() };
  }

  /** Gives what could not be set; undefined: it stood there already, just so. */
  makeSymlink(to: Destination, target: Buffer, metadata: FileMetadata): string[] | undefined {
    const isSame = (at: string) => isSameSymlink(pathIn(at, to.name), target, metadata);
    if (to.beside !== undefined && this.held.within(to.folder, isSame)) return undefined;
    return this.#putInPlace(to, (path) => {
      symlinkSync(target, pathForSystem(path));
      return applyMetadata(path, { kind: 'symlink', ...metadata });
    });
  }

  /** Another name for a file that was restored; false: it had it already. */
  makeLink(to: Destination, first: Destination): boolean {
    return this.held.within(first.folder, (at) => {
      const other_name = pathIn(at, first.name);
      const isSame = (folder: string) => isSameFile(pathIn(folder, to.name), other_name);
      if (to.beside !== undefined && this.held.within(to.folder, isSame)) return false;
      if (!this.#is_dry)
        this.#putInPlace(to, (path) => linkSync(pathForSystem(other_name), pathForSystem(path)));
      return true;
    });
  }

  [Symbol.dispose](): void {
    this.#names[Symbol.dispose]();
    this.held[Symbol.dispose]();
  }

  #make(above: TargetFolder, name: string): TargetFolder {
    const path = pathIn(above.path, name);
    const missing = { path, identity: undefined, is_fresh: true };
    if (above.is_fresh && this.#is_dry) return missing;
    return this.held.within(above, (at) => {
      const place = pathIn(at, name);
      const is_made = !this.#is_dry && tryMakeFolder(place);
      const stat = is_made ? undefined : lstatSync(pathForSystem(place), { throwIfNoEntry: false });
      if (stat === undefined && this.#is_dry) return missing;
      if (stat !== undefined && !stat.isDirectory()) throw refused(`${path} is in the way and no folder`);
      if (this.#is_dry) return { ...missing, is_fresh: false };
      const folder = this.held.enter(place, { path, may_follow: false });
      if (stat === undefined) return { ...folder, is_fresh: is_made };
      return { ...folder, is_fresh: this.held.within(folder, (its_path) => openAndSweep(its_path, stat)) };
    });
  }

  /** Makes something under the name that it has while it is not whole, then gives it its own. */
  #putInPlace<Result>(to: Destination, make: (path: string) => Result): Result {
    return this.held.within(to.folder, (at) => {
      if (to.beside === undefined) return make(pathIn(at, to.name));
      try {
        const result = make(pathIn(at, to.beside));
        putInPlace(to, this.held);
        return result;
      } catch (error) {
        removeFile(pathIn(at, to.beside));
        throw error;
      }
    });
  }
}

/** The last part of a key. */
function nameOf(key: string): string {
  const name = key.slice(key.lastIndexOf('\0') + 1);
  if (!isSafeKey(name)) throw refused(`${keyToPath(key)} would leave the target`);
  return keyToPath(name).slice(1);
}

function openAndSweep(path: string, stat: { mode: number; uid: number }): boolean {
  openForOwner(path, stat);
  return sweepFolder(path);
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
