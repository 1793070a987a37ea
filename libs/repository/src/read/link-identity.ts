import type { StoredEntry } from '../tree/entry-codec.ts';

/**
 * Says which names of a hard-link group are one file; undefined for a file with one name. The group alone does not: a
 * snapshot may hold names from different times (single paths are backed up, one cannot be read and is kept as it was),
 * and by then the number of the inode may stand for other content or another file.
 */
export function linkIdentity(entry: StoredEntry): string | undefined {
  const { link_group, size, mode, uid, gid, mtime_ns, digest, xattrs } = entry;
  if (link_group === undefined) return undefined;
  const fields = [link_group, size, mode, uid, gid, mtime_ns, digest.toString('latin1')];
  return [...fields, xattrs?.toString('latin1') ?? ''].join('\n');
}
