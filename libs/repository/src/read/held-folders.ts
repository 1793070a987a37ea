import { closeSync, constants, existsSync, openSync } from 'node:fs';
import { RepositoryError, systemCode } from '../errors.ts';
import { pathForSystem } from '../paths.ts';
import { type FileStat, statOf } from '../write/file-stat.ts';

/** A folder that is restored into. */
export interface RealFolder {
  readonly path: string;
  /** Which one it is; undefined where the system gives no way to hold on to it, or nothing is written. */
  readonly identity: FolderIdentity | undefined;
}

type FolderIdentity = Pick<FileStat, 'dev_major' | 'dev_minor' | 'ino_high' | 'ino_low'>;

/** Node has no `openat`: a name below this is looked up in the very folder that is open, whatever stands at its path. */
const OPEN_FILES = '/proc/self/fd';
const CAN_HOLD = process.platform === 'linux' && existsSync(OPEN_FILES);
const { O_DIRECTORY, O_NOFOLLOW, O_RDONLY } = constants;
/** Linux only; `node:fs` names neither. The folder need not be readable. */
const O_PATH = 0o10000000;
const HELD_MAX = 32;
/** Something that is no folder stands there, or nothing. */
const GONE = new Set(['ENOENT', 'ENOTDIR', 'ELOOP']);

/**
 * Ways into the folders of a restore that lead nowhere else: where somebody puts something else in the place of one, or of
 * one above it, a symlink above all, nothing is made or changed behind that. The last few are kept open.
 */
export class HeldFolders implements Disposable {
  /** By path: a restore knows one folder of each. */
  readonly #held = new Map<string, number>();

  /** A folder under its path as it is now; a symlink is followed where the last name of it is the caller's own word. */
  enter(path: string, as: { path: string; may_follow: boolean }): RealFolder {
    if (!CAN_HOLD) return { path: as.path, identity: undefined };
    const fd = openFolder(path, as.may_follow ? 0 : O_NOFOLLOW);
    const folder = { path: as.path, identity: identityOf(fd) };
    this.#keep(folder, fd);
    return folder;
  }

  /**
   * Does something in a folder, by a path that is good for this call only: `work` waits for nothing. Throws
   * `restore_refused` where another folder stands in its place by now; errors of `work` name the true path.
   */
  within<Result>(folder: RealFolder, work: (path: string) => Result): Result {
    if (folder.identity === undefined) return work(folder.path);
    const path = `${OPEN_FILES}/${this.#fdOf(folder, folder.identity)}`;
    try {
      return work(path);
    } catch (error) {
      throw withTruePath(error, path, folder.path);
    }
  }

  /** Opens a file in a folder, like `openSync`. Not by `openat`: Node warns of each file that it closes and did not open. */
  open(folder: RealFolder, name: string, how: { flags: number; mode: number }): number {
    return this.within(folder, (at) => openSync(pathForSystem(pathIn(at, name)), how.flags, how.mode));
  }

  [Symbol.dispose](): void {
    for (const fd of this.#held.values()) closeSync(fd);
    this.#held.clear();
  }

  #fdOf(folder: RealFolder, identity: FolderIdentity): number {
    const known = this.#held.get(folder.path);
    if (known !== undefined) {
      // Work in one folder may go on within work in another: the one that is used last goes last.
      this.#held.delete(folder.path);
      this.#held.set(folder.path, known);
      return known;
    }
    const fd = openFolder(folder.path, 0);
    if (!isSame(identityOf(fd), identity)) {
      closeSync(fd);
      throw replaced(folder.path);
    }
    this.#keep(folder, fd);
    return fd;
  }

  #keep(folder: RealFolder, fd: number): void {
    this.#held.set(folder.path, fd);
    if (this.#held.size <= HELD_MAX) return;
    const [oldest, oldest_fd] = this.#held.entries().next().value as [string, number];
    this.#held.delete(oldest);
    closeSync(oldest_fd);
  }
}

/** The path of a name in a folder. */
export function pathIn(folder: string, name: string): string {
  return folder === '/' ? `/${name}` : `${folder}/${name}`;
}

/** Opens a folder below the target by its path; throws `restore_refused` where something else stands there by now. */
export function openStanding({ path, identity }: RealFolder): number {
  const fd = openReal(path);
  if (identity === undefined || isSame(identityOf(fd), identity)) return fd;
  closeSync(fd);
  throw replaced(path);
}

function openReal(path: string): number {
  try {
    return openSync(pathForSystem(path), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  } catch (error) {
    throw GONE.has(systemCode(error) ?? '') ? replaced(path) : error;
  }
}

function replaced(path: string): RepositoryError {
  return new RepositoryError('restore_refused', `${path} was replaced while it was restored`);
}

function openFolder(path: string, flags: number): number {
  return openSync(pathForSystem(path), O_PATH | O_DIRECTORY | flags);
}

function identityOf(fd: number): FolderIdentity {
  const { dev_major, dev_minor, ino_high, ino_low } = statOf(fd);
  return { dev_major, dev_minor, ino_high, ino_low };
}

function isSame(one: FolderIdentity, other: FolderIdentity): boolean {
  const is_same_disk = one.dev_major === other.dev_major && one.dev_minor === other.dev_minor;
  return is_same_disk && one.ino_high === other.ino_high && one.ino_low === other.ino_low;
}

/** The error as one would have it from a call with the path that people know. */
function withTruePath(error: unknown, held: string, path: string): unknown {
  if (Error.isError(error) && error.message.includes(held))
    error.message = error.message.replaceAll(`${held}/`, `${path}/`).replaceAll(`'${held}'`, `'${path}'`);
  return error;
}
