/** What a listing says of one object. */
export interface BlobInfo {
  readonly name: string;
  readonly size: number;
}

/**
 * An object store: flat names with `/` (`packs/ab/abcd…`), whole objects that are never rewritten.
 * Every implementation passes conformance.ts; retry, throttle and faults are decorators of this interface.
 * Errors are HoldfastError-shaped StorageError: `not_found`, `full`, `short` (an object ends before what was asked of it), `failed`
 * (with the cause); `failed` says nothing about the outcome.
 */
export interface BlobStore {
  /** For people: the URL or path. */
  readonly location: string;
  /**
   * Stores a whole object, durably (after it resolves a power cut does not lose it), only if the name is free.
   * False where it was taken: the object that stands there is untouched. A crash leaves all of it or nothing under the name.
   */
  put(name: string, data: Uint8Array): Promise<boolean>;
  /** The bytes from `offset`, `length` of them (default: to the end). Short objects reject with `short`. */
  get(name: string, range?: { offset: number; length?: number }): Promise<Buffer>;
  /**
   * Names under a prefix with their sizes, in no order. Like a get, it sees every put that had resolved before the call,
   * and no object whose deletion had: repositories delete by this. A store that cannot promise it loses data.
   */
  list(prefix: string): AsyncIterable<BlobInfo>;
  /** The names alone, by the same rules: cheaper where sizes have to be asked for one by one. */
  names(prefix: string): AsyncIterable<string>;
  /** Removes; removing what is not there succeeds. */
  delete(name: string): Promise<void>;
  /**
   * Of stores that keep some space for deletions, which have to write before they free anything: gives a part of it up after a
   * put rejected with `full`. False: nothing is left. It is kept again once there is room.
   */
  freeReserve?(): Promise<boolean>;
}

export type StorageErrorKind = 'not_found' | 'full' | 'short' | 'failed';

/** What a store rejects with. `cause` is the error of the system below. */
export class StorageError extends Error {
  override readonly name = 'StorageError';
  readonly kind: StorageErrorKind;

  constructor(kind: StorageErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}

/** True for a StorageError of that kind, of any realm. */
export function isStorageError(error: unknown, kind?: StorageErrorKind): error is StorageError {
  if (!Error.isError(error) || error.name !== 'StorageError') return false;
  return kind === undefined || (error as StorageError).kind === kind;
}
