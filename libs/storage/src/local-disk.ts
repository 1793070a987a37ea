import { constants } from 'node:fs';
import {
  type FileHandle,
  link,
  mkdir,
  open,
  readdir,
  rename,
  rm,
  stat,
  statfs,
  unlink,
} from 'node:fs/promises';

/** What the local store asks of the system; tests give one that notes what is done in which order, or fails. */
export interface Disk {
  readonly open: (path: string, flags: string | number, mode?: number) => Promise<FileHandle>;
  readonly link: typeof link;
  readonly mkdir: (path: string, options: { recursive: true; mode: number }) => Promise<string | undefined>;
  readonly readdir: typeof readdir;
  readonly rename: typeof rename;
  readonly rm: typeof rm;
  readonly stat: (path: string) => Promise<{ readonly size: number; isDirectory(): boolean }>;
  readonly statfs: (path: string) => Promise<{ readonly bavail: number; readonly bsize: number }>;
  readonly unlink: typeof unlink;
}

export const LOCAL_DISK: Disk = { open, link, mkdir, readdir, rename, rm, stat, statfs, unlink };

const FULL_CODES = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);
/** What `link()` says where the file system has none: exFAT, SMB, many FUSE ones. */
const NO_LINKS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK']);
/** What `fsync` says of a folder where the file system syncs none: there is nothing that could be lost by a failure. */
const NO_FOLDER_SYNC = new Set(['EINVAL', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']);

/** Makes a file with these bytes; they are durable when it resolves, its name is not. */
export async function writeDurably(disk: Disk, path: string, data: Uint8Array): Promise<void> {
  await using file = await disk.open(path, 'wx', 0o600);
  await file.writeFile(data);
  // The file is abandoned when this fails, never synced again: a second fsync would report what was lost as saved.
  await file.sync().catch((error: unknown) => {
    // Some file systems find out only now that there is no room: they keep what they had.
    throw isFull(error) ? error : new SyncError(path, error);
  });
}

/** Makes names in a folder durable. */
export async function syncFolder(disk: Disk, folder: string): Promise<void> {
  await using handle = await disk.open(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  await handle.sync().catch((error: unknown) => {
    if (!NO_FOLDER_SYNC.has(codeOf(error) ?? '')) throw new SyncError(folder, error);
  });
}

/** A sync failed: what the kernel could not write it may have dropped. */
export class SyncError extends Error {
  override readonly name = 'SyncError';

  constructor(path: string, cause: unknown) {
    super(`${path} could not be synced: ${Error.isError(cause) ? cause.message : String(cause)}`, { cause });
  }
}

/** No room, or none for this user. */
export function isFull(error: unknown): boolean {
  return FULL_CODES.has(codeOf(error) ?? '');
}

/** Gives a whole, synced file another name, only if that is free; `no links` where the file system cannot. */
export async function linkUnlessTaken(
  disk: Disk,
  from: string,
  to: string,
): Promise<'placed' | 'taken' | 'no links'> {
  try {
    await disk.link(from, to);
    return 'placed';
  } catch (error) {
    const code = codeOf(error) ?? '';
    if (code === 'EEXIST') return 'taken';
    if (NO_LINKS.has(code)) return 'no links';
    throw error;
  }
}

/**
 * The same without links: an empty file claims the name, which only one can, and is then replaced by the whole one. Killed
 * between the two it leaves an empty file under the name, never a part of one.
 */
export async function claimAndRename(disk: Disk, from: string, to: string): Promise<'placed' | 'taken'> {
  try {
    await (await disk.open(to, 'wx', 0o600)).close();
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return 'taken';
    throw error;
  }
  try {
    await disk.rename(from, to);
    return 'placed';
  } catch (error) {
    // A network may report as failed what was done: what has bytes is no claim.
    if ((await disk.stat(to)).size === 0) await disk.rm(to, { force: true });
    throw error;
  }
}

/** The `code` of a system error, or undefined. */
export function codeOf(error: unknown): string | undefined {
  return Error.isError(error) && 'code' in error && error.code !== undefined ? String(error.code) : undefined;
}
