import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { basename, dirname } from 'node:path';
import { HoldfastError, systemCode } from '@holdfast/contracts/errors';
import type { Entry } from '@holdfast/repository/api';
import type { Disk } from './disk.ts';
import { checksumOf, openStanding } from './file-content.ts';
import type { FolderRequest, Folders, HeldFolder } from './folders.ts';
import { goneError } from './open-folder.ts';
import { type BadCopy, movedBefore, moveToQuarantine, type Quarantine } from './quarantine.ts';

/** One file that is to stand again. */
export interface PutBack {
  /** A ULID; names the temporary file, so that a later run finds what a dead one left. */
  readonly case_id: string;
  readonly recovery_id: string;
  readonly host: string;
  readonly source: string;
  readonly path: string;
  /** Metadata and checksum of the bytes. */
  readonly entry: Entry;
  /** May make room: `bad` only with this checksum, `any` whatever stands there (a person asked), `none` nothing. */
  readonly displaces: { readonly bad: string } | 'any' | 'none';
  readonly folder: Omit<FolderRequest, 'path'>;
  /** A dead run may have placed it already. */
  readonly resumed: boolean;
}

/** A file that is complete beside its target, and not seen by anybody yet. */
export interface Written {
  readonly file: PutBack;
  readonly folder: HeldFolder;
  readonly temp: string;
  fd: number | null;
}

export type Placement =
  | { readonly kind: 'placed'; readonly quarantined_to: string | null }
  /** The same bytes stand there: somebody else put them back. */
  | { readonly kind: 'same' }
  /** Something newer stands there; it was not touched. */
  | { readonly kind: 'occupied' }
  /** The bad copy is still being written to. */
  | { readonly kind: 'busy'; readonly pids: readonly number[] };

/** So many files are synced one by one; for more, one sync of the file system is quicker. */
const SYNC_SINGLY_MAX = 16;

export interface PutBackOptions {
  readonly disk: Disk;
  readonly folders: Folders;
  readonly quarantine: Quarantine;
}

/** The steps of one batch, in this order. A file that fails in one of them takes no part in the next. */
export interface PutBackBatch {
  /** Writes it beside its target. Rejects with ENOENT where the folder was swept away meanwhile: to be tried again. */
  write(file: PutBack, content: Content): Promise<Written>;
  /** After it, what was written survives a power cut. */
  sync(written: readonly Written[]): Promise<void>;
  /** Puts it in place, never over anything else. Rejects with ENOENT where the folder or our file was swept away. */
  place(written: Written): Promise<Placement>;
  /** Makes the new names durable and sets the folders' times. */
  finish(written: readonly Written[]): Promise<void>;
  /** Instead of `place` and `finish`: removes what was written. */
  abandon(written: Written): Promise<void>;
}

/**
 * Puts files back. A crash between any two steps leaves the old state or the new one, and a temporary file that the
 * next run of the case removes. Large batches are synced as a whole.
 */
export function openBatch(options: PutBackOptions, files: number): PutBackBatch {
  const { disk, folders } = options;
  const singly = files <= SYNC_SINGLY_MAX;
  const abandon = async (written: Written) => {
    closeFile(written);
    removeTemp(disk, written.temp);
    await folders.release(written.folder);
  };
  return {
    async write(file, content) {
      const folder = await folders.hold({ ...file.folder, path: dirname(file.path) });
      const written: Written = { file, folder, temp: folder.at(`.holdfast-${file.case_id}.tmp`), fd: null };
      try {
        written.fd = createTemp(disk, written.temp);
        await fill(disk, written.fd, { content, checksum: file.entry.checksum });
        await disk.applyMetadata(written.temp, file.entry);
        if (!singly) closeFile(written);
        return written;
      } catch (error) {
        if (systemCode(error) === 'ENOENT') folders.check(folder);
        await abandon(written);
        throw error;
      }
    },
    async sync(batch) {
      if (!singly) return syncWhole(disk, batch);
      await Promise.all(batch.map(({ fd }) => (fd === null ? undefined : disk.sync(fd))));
      for (const written of batch) closeFile(written);
    },
    place: (written) => place(options, written),
    async finish(batch) {
      const touched = new Set(batch.map(({ folder }) => folder));
      try {
        if (singly) await Promise.all([...touched].map(({ fd }) => disk.syncFolder(fd)));
        else await syncWhole(disk, batch);
      } finally {
        for (const { folder } of batch) await folders.release(folder);
      }
    },
    abandon,
  };
}

async function place(options: PutBackOptions, written: Written): Promise<Placement> {
  const { file, folder, temp } = written;
  const target = folder.at(basename(file.path));
  const bad = badCopyOf(file, target);
  let quarantined_to: string | null = null;
  try {
    if (file.displaces !== 'none') {
      const moving = await moveToQuarantine(options.quarantine, bad);
      if (moving.kind === 'busy') return moving;
      if (moving.kind === 'moved') quarantined_to = moving.to;
    }
    // Held open, it could have been moved away with all that is in it.
    if (!folder.isThere()) throw goneError(folder.path);
    options.disk.link(temp, target);
    return { kind: 'placed', quarantined_to };
  } catch (error) {
    if (systemCode(error) === 'ENOENT') options.folders.check(folder);
    if (systemCode(error) !== 'EEXIST') throw error;
    const standing = await compare(target, file);
    if (standing !== 'ours') return { kind: standing };
    return { kind: 'placed', quarantined_to: movedBefore(options.quarantine.folder, bad) };
  } finally {
    removeTemp(options.disk, temp);
  }
}

function badCopyOf(file: PutBack, place: string): BadCopy {
  const { case_id, recovery_id, host, source, path, displaces } = file;
  const checksum = typeof displaces === 'string' ? null : displaces.bad;
  const wanted = file.entry.checksum;
  return { case_id, recovery_id, host, source, path, place, name: basename(path), checksum, wanted };
}

function closeFile(written: Written): void {
  if (written.fd !== null) fs.closeSync(written.fd);
  written.fd = null;
}

/** A file's bytes, whole or piece by piece. */
export type Content = Buffer | AsyncIterable<Buffer>;

function createTemp(disk: Disk, temp: string): number {
  try {
    return disk.createTemp(temp);
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error;
    disk.unlink(temp);
    return disk.createTemp(temp);
  }
}

function removeTemp(disk: Disk, temp: string): void {
  try {
    disk.unlink(temp);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
  }
}

interface Filling {
  content: Content;
  /** That the bytes must have. */
  checksum: string;
}

async function fill(disk: Disk, fd: number, { content, checksum }: Filling): Promise<void> {
  const actual = createHash('sha256');
  if (Symbol.asyncIterator in content) {
    for await (const piece of content) {
      actual.update(piece);
      disk.write(fd, piece);
    }
  } else {
    actual.update(content);
    disk.write(fd, content);
  }
  const given = `sha256:${actual.digest('hex')}`;
  if (given !== checksum) {
    throw new HoldfastError('repo_damaged', `the repository gave ${given} where ${checksum} was stored`);
  }
}

async function syncWhole(disk: Disk, batch: readonly Written[]): Promise<void> {
  const byDevice = new Map(batch.map(({ folder }) => [fs.fstatSync(folder.fd).dev, folder.fd]));
  for (const fd of byDevice.values()) await disk.syncFilesystem(fd);
}

async function compare(target: string, file: PutBack): Promise<'ours' | 'same' | 'occupied'> {
  const standing = openStanding(target);
  if (standing.kind !== 'file') return 'occupied';
  try {
    if ((await checksumOf(standing.fd)) !== file.entry.checksum) return 'occupied';
    return file.resumed && looksPlaced(standing.fd, file.entry) ? 'ours' : 'same';
  } finally {
    fs.closeSync(standing.fd);
  }
}

/** What a dead run put in place has the stored time to the nanosecond; nobody else's copy has. */
function looksPlaced(fd: number, entry: Entry): boolean {
  return fs.fstatSync(fd, { bigint: true }).mtimeNs === entry.mtime_ns;
}
