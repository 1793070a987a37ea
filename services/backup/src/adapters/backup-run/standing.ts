import { lstatSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { HoldfastError, systemCode } from '@holdfast/contracts/errors';
import type { ProtectedSource } from '../../config.ts';

/**
 * Rejects with `source_unreadable` where nothing of a source is there: a folder that is not mounted must not become an
 * empty backup.
 */
export function requireRoots(source: ProtectedSource): void {
  if (source.roots.some(isThere)) return;
  throw new HoldfastError('source_unreadable', `${source.name}: none of ${source.roots.join(', ')} is there`);
}

/** True where something stands at the path; what cannot be looked at counts as there. */
export function isThere(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    return systemCode(error) !== 'ENOTDIR';
  }
}

/** The folder that a source lies in: where git is asked, and commands are run. */
export function folderOf(source: ProtectedSource): string {
  const [root = '/'] = source.roots;
  return statSync(root, { throwIfNoEntry: false })?.isDirectory() ? root : dirname(root);
}
