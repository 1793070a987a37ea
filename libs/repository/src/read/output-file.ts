import { closeSync, constants, fstatSync, ftruncateSync, renameSync, unlinkSync, writeSync } from 'node:fs';
import { systemCode } from '../errors.ts';
import { applyMetadataTo, type FileMetadata } from '../metadata.ts';
import { pathForSystem } from '../paths.ts';
import { type HeldFolders, pathIn, type RealFolder } from './held-folders.ts';

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_RDWR } = constants;
/** What a hole is made of: the smallest that file systems have in common. */
const PAGE_BYTES = 4096;
const ZERO_PAGE = Buffer.alloc(PAGE_BYTES);

/** Asked for once: a call for each file shows. */
let own: { uid: number | undefined; gid: number | undefined } | undefined;

/** Where a file goes. */
export interface Destination {
  readonly folder: RealFolder;
  readonly name: string;
  /** A name in the same folder that it has until it is whole. Undefined: the folder is this restore's own and was empty. */
  readonly beside: string | undefined;
}

/** A file that is being written. */
export interface OutputFile extends Destination {
  readonly fd: number;
  is_open: boolean;
}

/**
 * Makes a file that did not stand before: nothing is ever written through a symlink, or into another name of a hard
 * link. Until it is finished it is for its owner only, unless it is ours for good.
 */
export function openOutput(to: Destination, metadata: FileMetadata, folders: HeldFolders): OutputFile {
  own ??= { uid: process.geteuid?.(), gid: process.getegid?.() };
  const is_ours = metadata.uid === own.uid && metadata.gid === own.gid;
  const mode = is_ours && metadata.xattrs === undefined ? metadata.mode & 0o777 : 0o600;
  const flags = O_CREAT | O_EXCL | O_NOFOLLOW | O_RDWR;
  return { ...to, fd: folders.open(to.folder, to.beside ?? to.name, { flags, mode }), is_open: true };
}

/** Gives a whole file its metadata and its name; what had that name, unless it is a folder, goes in the same moment. Gives what could not be set. */
export function finishOutput(file: OutputFile, metadata: FileMetadata, folders: HeldFolders): string[] {
  const problems = applyMetadataTo(file.fd, pathOf(file), metadata);
  close(file);
  putInPlace(file, folders);
  return problems;
}

/** Closes and removes a file that could not be finished. */
export function dropOutput(file: OutputFile, folders: HeldFolders): void {
  if (file.is_open) close(file);
  folders.within(file.folder, (at) => removeFile(pathIn(at, file.beside ?? file.name)));
}

/** Gives what stands under its other name its own. */
export function putInPlace({ folder, name, beside }: Destination, folders: HeldFolders): void {
  if (beside === undefined) return;
  folders.within(folder, (at) =>
    renameSync(pathForSystem(pathIn(at, beside)), pathForSystem(pathIn(at, name))),
  );
}

/** The path that people know. */
export function pathOf({ folder, name }: Pick<Destination, 'folder' | 'name'>): string {
  return pathIn(folder.path, name);
}

/** Once only, also where it fails: the number may be another file's by then. */
function close(file: OutputFile): void {
  file.is_open = false;
  closeSync(file.fd);
}

/** Makes a whole file of these bytes. */
export function writeWhole(
  to: Destination,
  data: Buffer,
  how: { metadata: FileMetadata; is_sparse: boolean; folders: HeldFolders },
): string[] {
  const file = openOutput(to, how.metadata, how.folders);
  try {
    if (how.is_sparse) {
      ftruncateSync(file.fd, data.length);
      writeData(file.fd, data, 0);
    } else writeFully(file.fd, data, 0);
    return finishOutput(file, how.metadata, how.folders);
  } catch (error) {
    dropOutput(file, how.folders);
    throw error;
  }
}

/** Writes what is not zero, page by page, into a file of zeros: what is left out stays a hole. */
export function writeData(fd: number, data: Buffer, position: number): void {
  let start = 0;
  for (let at = 0; at < data.length; ) {
    const end = Math.min(data.length, at + pageLeft(position + at));
    if (isZero(data, at, end)) {
      writeFully(fd, data.subarray(start, at), position + start);
      start = end;
    }
    at = end;
  }
  writeFully(fd, data.subarray(start), position + start);
}

/** Writes all of it. */
export function writeFully(fd: number, data: Buffer, position: number): void {
  for (let done = 0; done < data.length; )
    done += writeSync(fd, data, done, data.length - done, position + done);
}

/** Length of an open file. */
export function setLength(fd: number, size: number): void {
  if (fstatSync(fd).size !== size) ftruncateSync(fd, size);
}

/** Removes a file; one that is gone already is no failure. */
export function removeFile(path: string): void {
  try {
    unlinkSync(pathForSystem(path));
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
  }
}

function pageLeft(position: number): number {
  return PAGE_BYTES - (position % PAGE_BYTES);
}

function isZero(data: Buffer, start: number, end: number): boolean {
  return data[start] === 0 && data.compare(ZERO_PAGE, 0, end - start, start, end) === 0;
}
