import { type ErrorCode, isHoldfastError, systemCode } from '@holdfast/contracts/errors';
import { isRepositoryError } from '@holdfast/repository/errors';
import type { Attempt } from '../domain/loss-case/decide.ts';

const FULL = new Set(['ENOSPC', 'EDQUOT']);

/** True where the disk has no room: the next file would fare no better. */
export function isDiskFull(error: unknown): boolean {
  return FULL.has(systemCode(error) ?? '');
}

/** True where the repository has the file and its bytes are not what was stored. */
export function isDamaged(error: unknown): boolean {
  return (isHoldfastError(error) || isRepositoryError(error)) && error.code === 'repo_damaged';
}

/** True where somebody removed the folder, or our file in it, while we worked: to be done again. */
export function isSweptAway(error: unknown): boolean {
  return systemCode(error) === 'ENOENT';
}

/** One clear failure of one file. */
export function failureOf(error: unknown, path: string): Extract<Attempt, { kind: 'failed' }> {
  return { kind: 'failed', code: codeOf(error), message: messageOf(error, path) };
}

function codeOf(error: unknown): ErrorCode {
  if (isHoldfastError(error) || isRepositoryError(error)) return error.code;
  if (isDiskFull(error)) return 'storage_full';
  return systemCode(error) === undefined ? 'internal' : 'storage_failed';
}

// System errors name the place by the folder that is held open; people know it by its path.
function messageOf(error: unknown, path: string): string {
  const code = systemCode(error);
  if (FULL.has(code ?? '')) return `no space left to put ${path} back`;
  const message = Error.isError(error) ? error.message : String(error);
  return isHoldfastError(error) || code === undefined
    ? message
    : `${path}: ${code}: ${message.split(',')[0]}`;
}
