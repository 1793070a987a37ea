import { type BigIntStats, lstatSync } from 'node:fs';
import { systemCode } from '@holdfast/contracts/errors';
import type { Facts } from '../domain/file-inventory/state.ts';

/** What a stat tells of a file: all facts but its content. */
export type FileStat = Omit<Facts, 'checksum'>;

/** What stands at a path. `unknown`: it cannot be told now (no permission, an I/O error), so nothing may be concluded. */
export type Standing =
  | { readonly kind: 'file'; readonly stat: FileStat }
  | { readonly kind: 'directory'; readonly device: string }
  | { readonly kind: 'other' }
  | { readonly kind: 'absent' }
  | { readonly kind: 'unknown'; readonly code: string };

/** Looks at a path, without following a symlink. Never throws. */
export function look(path: string): Standing {
  try {
    const stats = lstatSync(path, { bigint: true });
    if (stats.isFile()) return { kind: 'file', stat: toFileStat(stats) };
    return stats.isDirectory() ? { kind: 'directory', device: String(stats.dev) } : { kind: 'other' };
  } catch (error) {
    const code = systemCode(error) ?? String(error);
    return code === 'ENOENT' || code === 'ENOTDIR' ? { kind: 'absent' } : { kind: 'unknown', code };
  }
}

export function toFileStat(stats: BigIntStats): FileStat {
  return {
    size: Number(stats.size),
    mtime_ns: String(stats.mtimeNs),
    ctime_ns: String(stats.ctimeNs),
    // A number that is given out again belongs to a file that was born later.
    inode: `${stats.dev}:${stats.ino}:${stats.birthtimeNs}`,
  };
}
