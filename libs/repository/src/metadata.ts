import { chmodSync, closeSync, constants, fsyncSync, lchownSync, openSync } from 'node:fs';
import koffi, { type KoffiFunc } from 'koffi';
import type { Entry } from './api.ts';
import { systemCode } from './errors.ts';
import { pathForSystem, pathToBytes } from './paths.ts';

const NS_PER_SECOND = 1_000_000_000n;
const IS_DARWIN = process.platform === 'darwin';
const AT_FDCWD = IS_DARWIN ? -2 : -100;
const AT_SYMLINK_NOFOLLOW = IS_DARWIN ? 0x20 : 0x100;
const UTIME_OMIT = IS_DARWIN ? -2n : 0x3ffffffen;

interface SystemCalls {
  readonly utimensat: KoffiFunc<
    (folder: number, path: Uint8Array, times: BigInt64Array, flags: number) => number
  >;
  readonly syncfs: KoffiFunc<(fd: number) => number> | undefined;
}

let loaded: SystemCalls | undefined;

/** `node:fs` has neither nanoseconds, nor times before 1970, nor syncfs: the C library of this process has. */
function system(): SystemCalls {
  if (loaded === undefined) {
    const library = koffi.load(null);
    loaded = {
      utimensat: library.func(
        'int utimensat(int folder, const uint8_t *path, const int64_t *times, int flags)',
      ),
      syncfs: IS_DARWIN ? undefined : library.func('int syncfs(int fd)'),
    };
  }
  return loaded;
}

/** Times to the nanosecond, before 1970 too; what is not given stays as it is. Never follows a symlink. */
export function setTimes(path: string, times: { atime_ns?: bigint; mtime_ns?: bigint }): void {
  const values = new BigInt64Array(4);
  putTime(values, 0, times.atime_ns);
  putTime(values, 2, times.mtime_ns);
  const c_path = Buffer.concat([pathToBytes(path), Buffer.alloc(1)]);
  if (system().utimensat(AT_FDCWD, c_path, values, AT_SYMLINK_NOFOLLOW) !== 0)
    throw systemError('utimensat', path);
}

/**
 * Owner, mode and mtime of an entry, in the order in which none undoes another. Without privileges the owner stays
 * ours where the system refuses to give the file away, and then setuid and setgid are not set.
 */
export function applyMetadata(
  path: string,
  entry: Pick<Entry, 'kind' | 'mode' | 'uid' | 'gid' | 'mtime_ns'>,
): void {
  const is_owned = giveTo(path, entry);
  if (entry.kind !== 'symlink') chmodSync(pathForSystem(path), is_owned ? entry.mode : entry.mode & 0o1777);
  setTimes(path, { mtime_ns: entry.mtime_ns });
}

/** Makes all that was written to the file system of `path` durable, at once. */
export async function syncFileSystem(path: string): Promise<void> {
  const fd = openSync(pathForSystem(path), constants.O_RDONLY);
  try {
    // Elsewhere than on Linux there is no such call; the folder itself is all that can be asked for.
    if (system().syncfs === undefined) fsyncSync(fd);
    else await syncFileSystemOf(fd, path);
  } finally {
    closeSync(fd);
  }
}

/**
 * The same for the file system of an open file or folder, called `path` in an error. Rejects with `ENOSYS` elsewhere
 * than on Linux.
 */
export async function syncFileSystemOf(fd: number, path = `/proc/self/fd/${fd}`): Promise<void> {
  const { syncfs } = system();
  if (syncfs === undefined) throw Object.assign(new Error('this system has no syncfs'), { code: 'ENOSYS' });
  if ((await inThreadPool(syncfs, fd)) !== 0) throw systemError('syncfs', path);
}

/** It waits for the disk, so the event loop must not. */
function inThreadPool(call: KoffiFunc<(fd: number) => number>, fd: number): Promise<number> {
  return new Promise((resolve, reject) => {
    call.async(fd, (error: unknown, result: number) => (error ? reject(error) : resolve(result)));
  });
}

function giveTo(path: string, owner: { uid: number; gid: number }): boolean {
  try {
    lchownSync(pathForSystem(path), owner.uid, owner.gid);
    return true;
  } catch (error) {
    const may_give_away = process.getuid?.() === 0;
    if (may_give_away || systemCode(error) !== 'EPERM') throw error;
    return false;
  }
}

function putTime(values: BigInt64Array, at: number, ns: bigint | undefined): void {
  if (ns === undefined) {
    values[at + 1] = UTIME_OMIT;
    return;
  }
  const rest = ((ns % NS_PER_SECOND) + NS_PER_SECOND) % NS_PER_SECOND;
  values[at] = (ns - rest) / NS_PER_SECOND;
  values[at + 1] = rest;
}

function systemError(call: string, path: string): Error {
  const number = koffi.errno();
  const code = Object.entries(koffi.os.errno).find(([, value]) => value === number)?.[0] ?? `errno ${number}`;
  return Object.assign(new Error(`${code}: ${call} '${path}'`), { code, syscall: call, path });
}
