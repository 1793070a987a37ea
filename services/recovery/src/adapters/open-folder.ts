import fs from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { HoldfastError, systemCode } from '@holdfast/contracts/errors';

/** A folder held open: what is done through it happens in this very folder, whatever becomes of its path. */
export interface OpenFolder extends Disposable {
  readonly fd: number;
  /** The path of a name in it. */
  at(name: string): string;
  /** False once it was removed, or moved to another place. */
  isThere(): boolean;
}

const { O_DIRECTORY, O_NOFOLLOW, O_RDONLY } = fs.constants;
// Through /proc no part of the path is looked up again, so that nobody can swap one for a symlink meanwhile.
const THROUGH_PROC = process.platform === 'linux';

/**
 * Opens a folder that is really where its path says: below the root, through no symlink of anybody's making (the way
 * to the root itself may have some). Rejects with `restore_refused`, or with ENOENT where it is gone.
 */
export function openFolder(path: string, root: string): OpenFolder {
  const fd = openAsFolder(path);
  const placeNow = () =>
    THROUGH_PROC ? fs.readlinkSync(`/proc/self/fd/${fd}`) : fs.realpathSync.native(path);
  try {
    const real = placeNow();
    if (real.endsWith(' (deleted)')) throw goneError(path);
    const expected = realPlaceOf(path, root);
    if (real !== expected) {
      throw new HoldfastError('restore_refused', `${path} leads to ${real}: nothing is written there`);
    }
    return {
      fd,
      at: (name) => (THROUGH_PROC ? `/proc/self/fd/${fd}/${name}` : join(path, name)),
      isThere: () => fs.fstatSync(fd).nlink > 0 && placeNow() === real,
      [Symbol.dispose]: () => fs.closeSync(fd),
    };
  } catch (error) {
    fs.closeSync(fd);
    throw error;
  }
}

/** The root of a source that a path belongs to; for a root that is itself a file, the folder that holds it. */
export function rootOf(path: string, roots: readonly string[]): string {
  const holding = roots.filter(
    (root) => path === root || path.startsWith(root.endsWith('/') ? root : `${root}/`),
  );
  const root = holding.sort((one, other) => other.length - one.length)[0];
  if (root === undefined) throw new HoldfastError('restore_refused', `${path} lies in no protected folder`);
  return root === path ? dirname(root) : root;
}

function openAsFolder(path: string): number {
  try {
    return fs.openSync(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  } catch (error) {
    if (systemCode(error) !== 'ENOTDIR' && systemCode(error) !== 'ELOOP') throw error;
    throw new HoldfastError('restore_refused', `${path} is no folder any more`, { cause: error });
  }
}

/** Where a path has to lead: the real place of the root, or of the nearest folder above it, and then straight down. */
function realPlaceOf(path: string, root: string): string {
  let above = relative(root, path).startsWith('..') ? path : root;
  for (;;) {
    try {
      return join(fs.realpathSync.native(above), relative(above, path));
    } catch (error) {
      if (systemCode(error) !== 'ENOENT' || basename(above) === '') throw error;
      above = dirname(above);
    }
  }
}

/** What the system would say of a folder that is not there any more. */
export function goneError(path: string): Error {
  return Object.assign(new Error(`ENOENT: ${path} was removed`), { code: 'ENOENT' });
}
