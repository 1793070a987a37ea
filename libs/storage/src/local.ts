import { randomBytes } from 'node:crypto';
import { constants, type Dirent } from 'node:fs';
import { type FileHandle, realpath } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { type BlobInfo, type BlobStore, StorageError, type StorageErrorKind } from './blob-store.ts';
import {
  claimAndRename,
  codeOf,
  type Disk,
  isFull,
  LOCAL_DISK,
  linkUnlessTaken,
  SyncError,
  syncFolder,
  writeDurably,
} from './local-disk.ts';
import { Reserve } from './reserve.ts';

const TMP = 'tmp';
const RESERVE = 'reserve';
/** Folders that hold no objects: our own, and what a file system has at its root, which only root may read. */
const NOT_OURS = new Set([TMP, 'lost+found']);
const NAME_PATTERN = /^[A-Za-z0-9_-][A-Za-z0-9._-]*(\/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$/;

/** A piece of the reserve for every four folders in this one: a small store keeps little or nothing, and writes little too. */
const RESERVE_GROWS_WITH = { prefix: 'packs', folders: 4 };
/** Whether the reserve is whole is looked at again after so many puts: services live long. */
const PUTS_PER_LOOK = 256;

export interface LocalStoreOptions {
  /** For tests: what the system does. */
  readonly disk?: Disk;
}

/**
 * A folder as an object store. An object is written under `tmp/`, synced, and `link()`ed to its name, which is
 * atomic and refuses where the name is taken; then its folder is synced. The folder is made by the first put. Where there
 * are no links an empty file claims the name first. A sync that failed is the end: nothing more is put by this process.
 */
export function createLocalStore(folder: string, options: LocalStoreOptions = {}): BlobStore {
  return new LocalStore(resolve(folder), options);
}

class LocalStore implements BlobStore {
  readonly location: string;
  /** Folders that are known to stand durably. */
  readonly #folders = new Set<string>();
  readonly #disk: Disk;
  readonly #reserve: Reserve;
  #puts = 0;
  #has_links = true;
  #broken: unknown;

  constructor(location: string, { disk = LOCAL_DISK }: LocalStoreOptions) {
    this.location = location;
    this.#disk = disk;
    this.#reserve = new Reserve(disk, join(location, TMP, RESERVE));
  }

  async put(name: string, data: Uint8Array): Promise<boolean> {
    const target = this.#pathOf(name);
    if (name.startsWith(`${TMP}/`))
      throw new StorageError('failed', `${name}: the prefix ${TMP}/ is reserved`);
    if (this.#broken !== undefined) {
      throw new StorageError('failed', `${this.location}: a sync failed earlier; nothing more is written`, {
        cause: this.#broken,
      });
    }
    try {
      await this.#prepare(dirname(target));
      return await this.#putBeside(target, data);
    } catch (error) {
      const { message, cause, kind } = asStorageError(error, `put ${name}`);
      // `mkdir` of Node says ENOENT on a file system that is read-only: nobody may take that for an object that is gone.
      throw new StorageError(kind === 'not_found' ? 'failed' : kind, message, { cause });
    }
  }

  async get(name: string, range?: { offset: number; length?: number }): Promise<Buffer> {
    try {
      await using file = await this.#disk.open(this.#pathOf(name), constants.O_RDONLY);
      const offset = range?.offset ?? 0;
      const length = range?.length ?? Math.max(0, (await file.stat()).size - offset);
      return await readExactly(file, { offset, length });
    } catch (error) {
      throw asStorageError(error, `get ${name}`);
    }
  }

  async *list(prefix: string): AsyncIterable<BlobInfo> {
    for await (const name of this.names(prefix)) {
      const info = await this.#disk.stat(join(this.location, name)).catch(undefinedIfMissing);
      if (info !== undefined) yield { name, size: info.size };
    }
  }

  async *names(prefix: string): AsyncIterable<string> {
    const folder = prefix.slice(0, prefix.lastIndexOf('/') + 1);
    try {
      yield* this.#namesIn(folder, prefix);
    } catch (error) {
      throw asStorageError(error, `list ${prefix}`);
    }
  }

  async delete(name: string): Promise<void> {
    const target = this.#pathOf(name);
    try {
      await this.#disk.unlink(target);
      await this.#sync(syncFolder(this.#disk, dirname(target)));
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw asStorageError(error, `delete ${name}`);
    }
    if (this.#reserve.was_spent) await this.#fillReserve();
  }

  async freeReserve(): Promise<boolean> {
    try {
      return await this.#reserve.free();
    } catch (error) {
      // No reserve was ever made here.
      if (codeOf(error) === 'ENOENT') return false;
      throw asStorageError(error, 'free the reserve');
    }
  }

  async #putBeside(target: string, data: Uint8Array): Promise<boolean> {
    const beside = this.#makeBeside();
    try {
      await this.#sync(writeDurably(this.#disk, beside, data));
      const placed = await this.#place(beside, target);
      // Also where it was taken: who put it there may not have synced the folder yet, and we rely on it from now on.
      await this.#sync(syncFolder(this.#disk, dirname(target)));
      return placed;
    } finally {
      await this.#disk.rm(beside, { force: true });
    }
  }

  /** A name for a file that is swept where its writer is killed. */
  readonly #makeBeside = (): string =>
    join(this.location, TMP, `${hostname()}-${process.pid}-${randomBytes(8).toString('hex')}`);

  /** False where the name is taken. */
  async #place(beside: string, target: string): Promise<boolean> {
    if (this.#has_links) {
      const outcome = await linkUnlessTaken(this.#disk, beside, target);
      if (outcome !== 'no links') return outcome === 'placed';
    }
    const outcome = await claimAndRename(this.#disk, beside, target);
    this.#has_links = false;
    return outcome === 'placed';
  }

  async #prepare(folder: string): Promise<void> {
    await this.#makeFolder(join(this.location, TMP, RESERVE));
    const number = this.#puts++;
    if (number === 0) await sweep(this.#disk, join(this.location, TMP));
    if (number % PUTS_PER_LOOK === 0) await this.#fillReserve();
    await this.#makeFolder(folder);
  }

  async #fillReserve(): Promise<void> {
    const { prefix, folders } = RESERVE_GROWS_WITH;
    const present = await this.#disk.readdir(join(this.location, prefix)).catch(noneIfMissing);
    await this.#reserve.fill(Math.floor(present.length / folders), this.#makeBeside);
  }

  async #makeFolder(folder: string): Promise<void> {
    if (this.#folders.has(folder)) return;
    const topmost = await this.#disk.mkdir(folder, { recursive: true, mode: 0o700 });
    if (topmost !== undefined) {
      for (let made = folder; made.length >= topmost.length; made = dirname(made)) {
        await this.#sync(syncFolder(this.#disk, dirname(made)));
      }
    }
    this.#folders.add(folder);
  }

  /** After a failed sync the kernel may drop what it could not write: the store then refuses every further put. */
  async #sync(syncing: Promise<void>): Promise<void> {
    try {
      await syncing;
    } catch (error) {
      if (error instanceof SyncError) this.#broken = error;
      throw error;
    }
  }

  async *#namesIn(folder: string, prefix: string): AsyncIterable<string> {
    const children = await this.#disk
      .readdir(join(this.location, folder), { withFileTypes: true })
      .catch(noneIfMissing);
    for (const child of children) {
      const name = `${folder}${child.name}`;
      if (!(await this.#isFolder(child, folder))) {
        if (name.startsWith(prefix)) yield name;
        continue;
      }
      const inside = `${name}/`;
      const may_match = inside.startsWith(prefix) || prefix.startsWith(inside);
      if (!NOT_OURS.has(name) && may_match) yield* this.#namesIn(inside, prefix);
    }
  }

  /** Also a link to one: people move a part of a store to another disk. Not one to a folder that it lies in. */
  async #isFolder(child: Dirent, folder: string): Promise<boolean> {
    if (!child.isSymbolicLink()) return child.isDirectory();
    const path = join(this.location, folder, child.name);
    const info = await this.#disk.stat(path).catch(undefinedIfMissing);
    if (!info?.isDirectory()) return false;
    const [there, here] = await Promise.all([realpath(path), realpath(dirname(path))]);
    return !`${here}/`.startsWith(`${there}/`);
  }

  #pathOf(name: string): string {
    if (!NAME_PATTERN.test(name)) throw new StorageError('failed', `not the name of an object: ${name}`);
    return join(this.location, name);
  }
}

async function readExactly(file: FileHandle, range: { offset: number; length: number }): Promise<Buffer> {
  // Not from the pool: the caller may hand the memory over to a worker.
  const data = Buffer.allocUnsafeSlow(range.length);
  let filled = 0;
  while (filled < range.length) {
    const { bytesRead } = await file.read(data, filled, range.length - filled, range.offset + filled);
    if (bytesRead === 0) {
      throw new StorageError('short', `short object: ${filled} of ${range.length} bytes at ${range.offset}`);
    }
    filled += bytesRead;
  }
  return data;
}

/** Removes what processes of this host left behind when they were killed in the middle of a put. */
async function sweep(disk: Disk, folder: string): Promise<void> {
  for (const name of await disk.readdir(folder)) {
    const [, host, pid] = /^(.+)-(\d+)-[0-9a-f]{16}$/.exec(name) ?? [];
    if (host === hostname() && pid !== undefined && !isAlive(Number(pid))) {
      await disk.rm(join(folder, name), { force: true });
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) !== 'ESRCH';
  }
}

function noneIfMissing(error: unknown): never[] {
  if (codeOf(error) === 'ENOENT') return [];
  throw error;
}

function undefinedIfMissing(error: unknown): undefined {
  if (codeOf(error) === 'ENOENT') return undefined;
  throw error;
}

function asStorageError(error: unknown, doing: string): StorageError {
  if (Error.isError(error) && error.name === 'StorageError') return error as StorageError;
  const code = codeOf(error);
  let kind: StorageErrorKind = 'failed';
  if (code === 'ENOENT') kind = 'not_found';
  else if (isFull(error)) kind = 'full';
  return new StorageError(kind, `${doing}: ${Error.isError(error) ? error.message : String(error)}`, {
    cause: error,
  });
}
