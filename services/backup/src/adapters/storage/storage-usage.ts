import { readdir, stat, statfs } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { systemCode } from '@holdfast/contracts/errors';
import type { BackupStorage } from '@holdfast/contracts/http/backup';

type Usage = Pick<BackupStorage, 'bytes_stored' | 'objects' | 'free_bytes' | 'total_bytes'>;

const UNKNOWN: Usage = { bytes_stored: null, objects: null, free_bytes: null, total_bytes: null };

/** What a repository takes and what its disk has left, measured now; unknown where it is no folder, or is not there. */
export async function storageUsage(location: string): Promise<Usage> {
  const folder = location.replace(/^file:\/\//, '');
  if (!isAbsolute(folder)) return UNKNOWN;
  const looked = await Promise.all([statfs(folder), readdir(folder, { recursive: true })]).catch(unlessGone);
  if (looked === null) return UNKNOWN;
  const [disk, names] = looked;
  const sizes = await Promise.all(names.map((name) => sizeOf(join(folder, name))));
  const objects = sizes.filter((size) => size !== null);
  return {
    bytes_stored: objects.reduce((sum, size) => sum + size, 0),
    objects: objects.length,
    free_bytes: disk.bavail * disk.bsize,
    total_bytes: disk.blocks * disk.bsize,
  };
}

function unlessGone(error: unknown): null {
  if (systemCode(error) === 'ENOENT') return null;
  throw error;
}

/** Null for folders, and for what was removed meanwhile. */
async function sizeOf(path: string): Promise<number | null> {
  try {
    const found = await stat(path);
    return found.isFile() ? found.size : null;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return null;
    throw error;
  }
}
