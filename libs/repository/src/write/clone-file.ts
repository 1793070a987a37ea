import { closeSync, constants, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { systemCode } from '../errors.ts';
import { systemLibrary } from '../native.ts';
import { pathForSystem } from '../paths.ts';

/** `FICLONE` of Linux: the file behind one descriptor shares the blocks of another's, as of one moment. */
const FICLONE = 0x4004_9409;
/** `O_TMPFILE` of Linux but for its folder flag: a file without a name, which no crash leaves behind. */
const TMPFILE = 0o20_000_000;

/** Makes one file the copy of another without reading it; false where the file system cannot. */
export type Clone = (from: number, into: number) => boolean;

/**
 * An unnamed copy of an open file as of one moment, beside it (so that not even the folder's time changes), for the caller
 * to close. Undefined where the file system has no such copies, or the folder may not be written to.
 */
export function openClone(fd: number, path: string, clone: Clone = reflink): number | undefined {
  if (process.platform !== 'linux') return undefined;
  let into: number;
  try {
    const flags = constants.O_RDWR | constants.O_DIRECTORY | TMPFILE;
    into = openSync(pathForSystem(dirname(path)), flags, 0o600);
  } catch (error) {
    // A read-only folder, or a file system without such files: it is read as it is.
    if (systemCode(error) === undefined) throw error;
    return undefined;
  }
  if (clone(fd, into)) return into;
  closeSync(into);
  return undefined;
}

let ioctl: ((fd: number, request: number, type: string, from: number) => number) | undefined;

function reflink(from: number, into: number): boolean {
  ioctl ??= systemLibrary().func('int ioctl(int fd, unsigned long request, ...)') as NonNullable<
    typeof ioctl
  >;
  return ioctl(into, FICLONE, 'int', from) === 0;
}
