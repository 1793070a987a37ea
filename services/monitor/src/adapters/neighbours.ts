import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { type FileStat, look } from './file-stat.ts';

/** In larger folders the look would cost more than it is worth. */
const ENTRIES_MAX = 256;

export interface Neighbour {
  readonly path: string;
  readonly stat: FileStat;
}

/** The files of a folder by `<device>:<inode>`; none where it cannot be read or holds too many. */
export function readNeighbours(folder: string): ReadonlyMap<string, Neighbour> {
  const found = new Map<string, Neighbour>();
  for (const name of namesIn(folder)) {
    const path = join(folder, name);
    const standing = look(path);
    if (standing.kind === 'file') found.set(standing.stat.inode, { path, stat: standing.stat });
  }
  return found;
}

function namesIn(folder: string): string[] {
  try {
    const names = readdirSync(folder);
    return names.length > ENTRIES_MAX ? [] : names;
  } catch {
    // It is gone, or not ours to read: then nothing moved there that we could know of.
    return [];
  }
}
