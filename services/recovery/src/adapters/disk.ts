import fs from 'node:fs';
import type { Entry } from '@holdfast/repository/api';

/** What changes something on a disk, by name: the places where a power cut can fall. */
export type DiskStep =
  | 'make_folder'
  | 'create_temp'
  | 'write'
  | 'metadata'
  | 'sync'
  | 'quarantine_note'
  | 'quarantine_move'
  | 'link'
  | 'unlink'
  | 'sync_folder'
  | 'set_times';

/** The part of @holdfast/repository that knows modes, owners and nanoseconds. */
export interface Metadata {
  applyMetadata(path: string, entry: Entry): void | Promise<void>;
  setTimes(path: string, times: { mtime_ns: bigint }): void | Promise<void>;
  /** Everything written to the file system that holds an open file or folder is durable after it. */
  syncFilesystem(fd: number): Promise<void>;
}

export interface DiskOptions {
  readonly metadata: Metadata;
  /** Called before each step; what it throws stops the work there. Tests crash here. */
  readonly before?: (step: DiskStep, path: string) => void;
}

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = fs.constants;

/**
 * All that recovery does to a disk, step by step. Small calls are synchronous: a trip to the thread pool costs more
 * than they do; what waits for the device is not.
 */
export function createDisk({ metadata, before = () => undefined }: DiskOptions) {
  return {
    makeFolder(path: string): void {
      before('make_folder', path);
      fs.mkdirSync(path, { mode: 0o700 });
    },
    /** A new file that nobody else can open yet. */
    createTemp(path: string): number {
      before('create_temp', path);
      return fs.openSync(path, O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY, 0o600);
    },
    write(fd: number, data: Uint8Array): void {
      before('write', String(fd));
      for (let done = 0; done < data.length; ) done += fs.writeSync(fd, data, done, data.length - done);
    },
    async applyMetadata(path: string, entry: Entry): Promise<void> {
      before('metadata', path);
      await metadata.applyMetadata(path, entry);
    },
    async setTimes(path: string, mtime_ns: bigint): Promise<void> {
      before('set_times', path);
      await metadata.setTimes(path, { mtime_ns });
    },
    sync(fd: number): Promise<void> {
      before('sync', String(fd));
      return fsync(fd);
    },
    syncFolder(fd: number): Promise<void> {
      before('sync_folder', String(fd));
      return fsync(fd);
    },
    syncFilesystem(fd: number): Promise<void> {
      before('sync', String(fd));
      return metadata.syncFilesystem(fd);
    },
    /** Gives a file a second name; rejects with EEXIST where something stands there. */
    link(from: string, to: string): void {
      before('link', to);
      fs.linkSync(from, to);
    },
    unlink(path: string): void {
      before('unlink', path);
      fs.unlinkSync(path);
    },
    /** Moves a bad copy away; rejects with EXDEV between file systems. */
    moveAway(from: string, to: string): void {
      before('quarantine_move', from);
      fs.renameSync(from, to);
    },
    copyAway(from: string, to: string): void {
      before('quarantine_move', from);
      fs.copyFileSync(from, to, fs.constants.COPYFILE_EXCL);
    },
    writeNote(path: string, text: string): void {
      before('quarantine_note', path);
      fs.writeFileSync(path, text, { mode: 0o600 });
    },
  };
}
export type Disk = ReturnType<typeof createDisk>;

function fsync(fd: number): Promise<void> {
  return new Promise((resolve, reject) => {
    fs.fsync(fd, (error) => (error ? reject(error) : resolve()));
  });
}
