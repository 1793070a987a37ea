import { type ErrorCode, HoldfastError, isErrorCode, isHoldfastError } from '@holdfast/contracts/errors';
import type { RunError } from '../../domain/backup-run/state.ts';

const SQLITE_FULL = 13;

/** Any error as one with a code of the catalogue: the engine's own, a full disk, or `internal`. */
export function toKnownError(error: unknown): HoldfastError {
  if (isHoldfastError(error)) return error;
  const message = Error.isError(error) ? error.message : String(error);
  return new HoldfastError(codeOf(error), message, { cause: error });
}

/** What BackupFailed tells of an error. */
export function runErrorOf(error: unknown): RunError {
  const { code, message } = toKnownError(error);
  return { code, message };
}

function codeOf(error: unknown): ErrorCode {
  const { code, errcode } = (error ?? {}) as { code?: unknown; errcode?: unknown };
  if (code === 'ENOSPC' || code === 'EDQUOT' || errcode === SQLITE_FULL) return 'storage_full';
  return isErrorCode(code) ? code : 'internal';
}
