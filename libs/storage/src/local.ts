import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, link, mkdir, open, readdir, rm, stat, unlink } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { type BlobInfo, type BlobStore, StorageError, type StorageErrorKind } from './blob-store.ts';

const TMP = 'tmp';
const FULL_CODES = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);
const NAME_PATTERN = /^[A-Za-z0-9_-][A-Za-z0-9._-]*(\/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$/;

/**
 * A folder as an object store. An object is written under `tmp/`, synced, and `link()`ed to its name, which is
 * atomic and refuses where the name is taken; then its folder is synced. The folder is made by the first put.
 */
export function createLocalStore(folder: string): BlobStore {
  return new LocalStore(resolve(folder));
}

class LocalStore implements BlobStore {
  readonly location: string;
  /** Folders that are known to stand durably. */
  readonly #folders = new Set<string>();
  #swept = false;
  #broken: unknown;

  constructor(location: string) {
    this.location = location;
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
      await using file = await open(this.#pathOf(name), constants.O_RDONLY);
      const offset = range?.offset ?? 0;
      const length = range?.length ?? Math.max(0, (await file.stat()).size - offset);
      return await readExactly(file, { offset, length });
    } catch (error) {
      throw asStorageError(error, `get ${name}`);
    }
  }

  async *list(prefix: string): AsyncIterable<BlobInfo> {
    for await (const name of this.names(prefix)) {
      const info = await stat(join(this.location, name)).catch(undefinedIfMissing);
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
      await unlink(target);
      await this.#syncFolder(dirname(target));
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw asStorageError(error, `delete ${name}`);
    }
  }

  async #putBeside(target: string, data: Uint8Array): Promise<boolean> {
    const beside = join(this.location, TMP, `${hostname()}-${process.pid}-${randomBytes(8).toString('hex')}`);
    try {
      await writeDurably(beside, data);
      const placed = await linkUnlessTaken(beside, target);
      // Also where it was taken: who put it there may not have synced the folder yet, and we rely on it from now on.
      await this.#syncFolder(dirname(target));
      return placed;
    } finally {
      await rm(beside, { force: true });
    }
  }

  async #prepare(folder: string): Promise<void> {
    await this.#makeFolder(join(this.location, TMP));
    if (!this.#swept) {
      this.#swept = true;
      await sweep(join(this.location, TMP));
    }
    await this.#makeFolder(folder);
  }

  async #makeFolder(folder: string): Promise<void> {
    if (this.#folders.has(folder)) return;
    const topmost = await mkdir(folder, { recursive: true, mode: 0o700 });
    if (topmost !== undefined) {
      for (let made = folder; made.length >= topmost.length; made = dirname(made)) {
        await this.#syncFolder(dirname(made));
      }
    }
    this.#folders.add(folder);
  }

  /** After a failed sync the kernel may drop what it could not write: the store then refuses every further put. */
  async #syncFolder(folder: string): Promise<void> {
    await using handle = await open(folder, constants.O_RDONLY | constants.O_DIRECTORY);
    try {
      await handle.sync();
    } catch (error) {
      this.#broken = error;
      throw error;
    }
  }

  async *#namesIn(folder: string, prefix: string): AsyncIterable<string> {
    const children = await readdir(join(this.location, folder), { withFileTypes: true }).catch(noneIfMissing);
    for (const child of children) {
      const name = `${folder}${child.name}`;
      if (!child.isDirectory()) {
        if (name.startsWith(prefix)) yield name;
        continue;
      }
      const inside = `${name}/`;
      const may_match = inside.startsWith(prefix) || prefix.startsWith(inside);
      if (name !== TMP && may_match) yield* this.#namesIn(inside, prefix);
    }
  }

  #pathOf(name: string): string {
    if (!NAME_PATTERN.test(name)) throw new StorageError('failed', `not the name of an object: ${name}`);
    return join(this.location, name);
  }
}

async function writeDurably(path: string, data: Uint8Array): Promise<void> {
  await using file = await open(path, 'wx', 0o600);
  await file.writeFile(data);
  // The file is abandoned when this fails, never synced again: a second fsync would report what was lost as saved.
  await file.sync();
}

async function linkUnlessTaken(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

async function readExactly(file: FileHandle, range: { offset: number; length: number }): Promise<Buffer> {
  // Not from the pool: the caller may hand the memory over to a worker.
  const data = Buffer.allocUnsafeSlow(range.length);
  let filled = 0;
  while (filled < range.length) {
    const { bytesRead } = await file.read(data, filled, range.length - filled, range.offset + filled);
    if (bytesRead === 0) {
      throw new StorageError('failed', `short object: ${filled} of ${range.length} bytes at ${range.offset}`);
    }
    filled += bytesRead;
  }
  return data;
}

/** Removes what processes of this host left behind when they were killed in the middle of a put. */
async function sweep(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const [, host, pid] = /^(.+)-(\d+)-[0-9a-f]{16}$/.exec(name) ?? [];
    if (host === hostname() && pid !== undefined && !isAlive(Number(pid))) {
      await rm(join(folder, name), { force: true });
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

function codeOf(error: unknown): string | undefined {
  return Error.isError(error) && 'code' in error ? String(error.code) : undefined;
}

function asStorageError(error: unknown, doing: string): StorageError {
  if (Error.isError(error) && error.name === 'StorageError') return error as StorageError;
  const code = codeOf(error);
  let kind: StorageErrorKind = 'failed';
  if (code === 'ENOENT') kind = 'not_found';
  else if (code !== undefined && FULL_CODES.has(code)) kind = 'full';
  return new StorageError(kind, `${doing}: ${Error.isError(error) ? error.message : String(error)}`, {
    cause: error,
  });
}
