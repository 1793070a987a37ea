import { isStorageError } from '@holdfast/storage/blob-store';

export type RepositoryErrorCode =
  | 'repo_not_found'
  | 'repo_exists'
  | 'repo_unsupported'
  | 'wrong_password'
  | 'repo_damaged'
  | 'snapshot_not_found'
  | 'not_found'
  | 'bad_request'
  | 'source_unreadable'
  | 'storage_full'
  | 'storage_failed'
  | 'restore_refused'
  | 'interrupted';

/** What the engine rejects with: a code of the project's catalogue, a sentence, and its cause. */
export class RepositoryError extends Error {
  override readonly name = 'RepositoryError';
  readonly code: RepositoryErrorCode;

  constructor(code: RepositoryErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** True for a RepositoryError of that code, of any realm. */
export function isRepositoryError(error: unknown, code?: RepositoryErrorCode): error is RepositoryError {
  if (!Error.isError(error) || error.name !== 'RepositoryError') return false;
  return code === undefined || (error as RepositoryError).code === code;
}

/** The object is there but is not what was stored. */
export function damaged(what: string, cause?: unknown): RepositoryError {
  return new RepositoryError('repo_damaged', what, cause === undefined ? undefined : { cause });
}

/** Gives errors of the store and of the local cache the code that callers know; others stay as they are. */
export function fromStorage(error: unknown): unknown {
  if (isStorageError(error)) {
    const code = error.kind === 'full' ? 'storage_full' : 'storage_failed';
    return new RepositoryError(code, error.message, { cause: error });
  }
  if (isFullCache(error)) {
    return new RepositoryError('storage_full', 'no space left for the local cache of the index', {
      cause: error,
    });
  }
  if (!isCacheError(error)) return error;
  return new RepositoryError(
    'storage_failed',
    `the local cache of the index failed (${error.message}); run it again, the cache is made anew where it is gone`,
    { cause: error },
  );
}

const SQLITE_FULL = 13;
/** What SQLite says where its shared memory, a file as well, finds no room. */
const SQLITE_IOERR_SHMSIZE = 4874;

/** The disk of the local cache is full: SQLite's own error, or what `fromStorage` has made of it. */
export function isFullCache(error: unknown): boolean {
  if (!Error.isError(error)) return false;
  if (isRepositoryError(error, 'storage_full')) return isFullCache(error.cause);
  if (isCacheError(error)) return error.errcode === SQLITE_FULL || error.errcode === SQLITE_IOERR_SHMSIZE;
  // Its folder could not be made.
  return systemCode(error) === 'ENOSPC';
}

const SQLITE_PERM = 3;
const SQLITE_BUSY = 5;
const SQLITE_LOCKED = 6;
const SQLITE_READONLY = 8;
const SQLITE_CANTOPEN = 14;
const NOT_WRITABLE = new Set([SQLITE_PERM, SQLITE_READONLY, SQLITE_CANTOPEN]);

/** The local cache is where this user may not write: another's folder, a read-only file system. */
export function isUnwritableCache(error: unknown): boolean {
  if (isCacheError(error)) return NOT_WRITABLE.has(error.errcode & 0xff);
  // Its folder could not be made, or looked into.
  return ['EACCES', 'EPERM', 'EROFS'].includes(systemCode(error) ?? '');
}

/** Another process has been writing to the local cache for longer than one waits. */
export function isBusyCache(error: unknown): boolean {
  return isCacheError(error) && [SQLITE_BUSY, SQLITE_LOCKED].includes(error.errcode & 0xff);
}

/** An error of SQLite: its code with the extension. All that lies in SQLite here is the local cache. */
export function isCacheError(error: unknown): error is Error & { errcode: number } {
  return Error.isError(error) && 'errcode' in error && typeof error.errcode === 'number';
}

/** Rejects with `interrupted` once the caller has given up. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new RepositoryError('interrupted', 'interrupted', { cause: signal.reason });
}

/** One line for people: what the system said. */
export function reasonOf(error: unknown): string {
  return Error.isError(error) ? error.message : String(error);
}

/** The `code` of a system error (`ENOENT` …), or undefined. */
export function systemCode(error: unknown): string | undefined {
  return Error.isError(error) && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
