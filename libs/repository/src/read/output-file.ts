import { closeSync, constants, ftruncateSync, lstatSync, openSync, unlinkSync, writeSync } from 'node:fs';
import { systemCode } from '../errors.ts';
import { pathForSystem } from '../paths.ts';

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants;

/**
 * Makes a file that did not stand before, for its owner only until its metadata is applied. What stands there and is
 * no folder is taken away first: nothing is ever written through a symlink or into another name of a hard link.
 */
export function makeFile(path: string, data: Buffer, size = data.length): void {
  clearPath(path);
  const fd = openSync(pathForSystem(path), O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY, 0o600);
  try {
    writeFully(fd, data, 0);
    if (size > data.length) ftruncateSync(fd, size);
  } finally {
    closeSync(fd);
  }
}

/** Writes into a file that stands. */
export function writeAt(path: string, data: Buffer, position: number): void {
  const fd = openSync(pathForSystem(path), O_WRONLY | O_NOFOLLOW);
  try {
    writeFully(fd, data, position);
  } finally {
    closeSync(fd);
  }
}

/** Takes away what stands at a path; throws `EISDIR` for a folder. */
export function clearPath(path: string): void {
  const system_path = pathForSystem(path);
  const stat = lstatSync(system_path, { throwIfNoEntry: false });
  if (stat === undefined) return;
  if (stat.isDirectory()) throw Object.assign(new Error('a folder stands there'), { code: 'EISDIR' });
  removeFile(path);
}

/** Removes a file; one that is gone already is no failure. */
export function removeFile(path: string): void {
  try {
    unlinkSync(pathForSystem(path));
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
  }
}

function writeFully(fd: number, data: Buffer, position: number): void {
  for (let done = 0; done < data.length; )
    done += writeSync(fd, data, done, data.length - done, position + done);
}
