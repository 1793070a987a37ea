import { stat, statfs } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
import type { Space } from '../../domain/storage/level.ts';

/** Measures the disk under a repository; null where it is no folder, or is not there. */
export type MeasureSpace = (location: string) => Promise<Space | null>;

export const measureSpace: MeasureSpace = async (location) => {
  const folder = location.replace(/^file:\/\//, '');
  if (!isAbsolute(folder)) return null;
  try {
    const [disk, { dev }] = await Promise.all([statfs(folder), stat(folder)]);
    const free_bytes = disk.bavail * disk.bsize;
    const used_bytes = (disk.blocks - disk.bfree) * disk.bsize;
    const usable_bytes = used_bytes + free_bytes;
    return {
      device: String(dev),
      free_bytes,
      total_bytes: disk.blocks * disk.bsize,
      used_percent: usable_bytes === 0 ? 100 : Math.round((1000 * used_bytes) / usable_bytes) / 10,
    };
  } catch {
    // It is not there, or does not answer: that is told where it is used.
    return null;
  }
};
