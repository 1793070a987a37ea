import {
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  lchownSync,
  openSync,
} from 'node:fs';
import type { KoffiFunc } from 'koffi';
import type { Entry, Xattr } from './api.ts';
import { systemCode } from './errors.ts';
import { failedCall, systemLibrary } from './native.ts';
import { pathForSystem, pathToBytes } from './paths.ts';
import { setXattrs, type XattrPlace, type XattrStage } from './set-xattrs.ts';

const NS_PER_SECOND = 1_000_000_000n;
const IS_DARWIN = process.platform === 'darwin';
const AT_FDCWD = IS_DARWIN ? -2 : -100;
const AT_SYMLINK_NOFOLLOW = IS_DARWIN ? 0x20 : 0x100;
const UTIME_OMIT = IS_DARWIN ? -2n : 0x3ffffffen;
const MODE_BITS = 0o7777;

/** What a file has beside its bytes. */
export type FileMetadata = Pick<Entry, 'mode' | 'uid' | 'gid' | 'mtime_ns' | 'xattrs'>;

interface SystemCalls {
  readonly utimensat: KoffiFunc<
    (folder: number, path: Uint8Array, times: BigInt64Array, flags: number) => number
  >;
  readonly futimens: KoffiFunc<(fd: number, times: BigInt64Array) => number>;
  readonly syncfs: KoffiFunc<(fd: number) => number> | undefined;
}

let loaded: SystemCalls | undefined;

/** `node:fs` has neither nanoseconds, nor times before 1970, nor syncfs: the C library of this process has. */
function system(): SystemCalls {
  if (loaded === undefined) {
    const library = systemLibrary();
    loaded = {
      utimensat: library.func(
        'int utimensat(int folder, const uint8_t *path, const int64_t *times, int flags)',
      ),
      futimens: library.func('int futimens(int fd, const int64_t *times)'),
      syncfs: IS_DARWIN ? undefined : library.func('int syncfs(int fd)'),
    };
  }
  return loaded;
}

const time_values = new BigInt64Array(4);

/** Times to the nanosecond, before 1970 too; what is not given stays as it is. Never follows a symlink. */
export function setTimes(path: string, times: { atime_ns?: bigint; mtime_ns?: bigint }): void {
  putTime(0, times.atime_ns);
  putTime(2, times.mtime_ns);
  const c_path = Buffer.concat([pathToBytes(path), Buffer.alloc(1)]);
  if (system().utimensat(AT_FDCWD, c_path, time_values, AT_SYMLINK_NOFOLLOW) !== 0)
    throw failedCall('utimensat', path);
}

/**
 * Owner, mode, attributes and mtime of an entry, in the order in which none undoes another. Without privileges the
 * owner stays ours where the system refuses to give the file away, and then setuid and setgid are not set. Gives a
 * line for each extended attribute that could not be set.
 */
export function applyMetadata(path: string, entry: FileMetadata & Pick<Entry, 'kind'>): string[] {
  const is_owned = owns(() => lchownSync(pathForSystem(path), entry.uid, entry.gid));
  const problems = xattrProblems({ path }, entry.xattrs, 'before_mode');
  if (entry.kind !== 'symlink') chmodSync(pathForSystem(path), modeOf(entry, is_owned));
  problems.push(...xattrProblems({ path }, entry.xattrs, 'after_mode'));
  setTimes(path, { mtime_ns: entry.mtime_ns });
  return problems;
}

/** The same for an open file, called `path` in an error; sets what differs only. */
export function applyMetadataTo(fd: number, path: string, entry: FileMetadata): string[] {
  const { uid, gid, mode } = fstatSync(fd);
  const is_given = uid !== entry.uid || gid !== entry.gid;
  const is_owned = !is_given || owns(() => fchownSync(fd, entry.uid, entry.gid));
  const problems = xattrProblems({ fd }, entry.xattrs, 'before_mode');
  const wanted = modeOf(entry, is_owned);
  // A new owner takes setuid and setgid away.
  if (is_given || (mode & MODE_BITS) !== wanted) fchmodSync(fd, wanted);
  problems.push(...xattrProblems({ fd }, entry.xattrs, 'after_mode'));
  putTime(0, undefined);
  putTime(2, entry.mtime_ns);
  if (system().futimens(fd, time_values) !== 0) throw failedCall('futimens', path);
  return problems;
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
  if ((await inThreadPool(syncfs, fd)) !== 0) throw failedCall('syncfs', path);
}

/** It waits for the disk, so the event loop must not. */
function inThreadPool(call: KoffiFunc<(fd: number) => number>, fd: number): Promise<number> {
  return new Promise((resolve, reject) => {
    call.async(fd, (error: unknown, result: number) => (error ? reject(error) : resolve(result)));
  });
}

function modeOf(entry: FileMetadata, is_owned: boolean): number {
  return is_owned ? entry.mode : entry.mode & 0o1777;
}

function xattrProblems(place: XattrPlace, xattrs: readonly Xattr[] | undefined, stage: XattrStage): string[] {
  return xattrs === undefined ? [] : setXattrs(place, xattrs, stage);
}

function owns(give: () => void): boolean {
  try {
    give();
    return true;
  } catch (error) {
    const may_give_away = process.getuid?.() === 0;
    if (may_give_away || systemCode(error) !== 'EPERM') throw error;
    return false;
  }
}

function putTime(at: number, ns: bigint | undefined): void {
  if (ns === undefined) {
    time_values[at + 1] = UTIME_OMIT;
    return;
  }
  const rest = ((ns % NS_PER_SECOND) + NS_PER_SECOND) % NS_PER_SECOND;
  time_values[at] = (ns - rest) / NS_PER_SECOND;
  time_values[at + 1] = rest;
}
