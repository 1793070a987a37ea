/** SQLITE_IOERR (a failed fsync among them), SQLITE_CORRUPT, SQLITE_NOTADB. */
const BEYOND_REPAIR = new Set([10, 11, 26]);

/**
 * True for failures of the database after which nothing may be believed that is in memory: after a failed fsync the
 * kernel forgets what was not written, and trying again would succeed without it. A full disk is none of them.
 */
export function isBeyondRepair(error: unknown): boolean {
  if (!Error.isError(error) || !('errcode' in error) || typeof error.errcode !== 'number') return false;
  return BEYOND_REPAIR.has(error.errcode & 0xff);
}
