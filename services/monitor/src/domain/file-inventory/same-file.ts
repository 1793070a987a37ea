import { type Facts, type FileRow, stands } from './state.ts';

/** A path that came into being lately, with the file that stands there. */
export interface Arrival {
  readonly path: string;
  readonly facts: Facts;
  readonly appeared_at_ms: number;
}

/** Copies by `mv` across file systems keep the mtime: they may lie further apart than other halves. */
const COPY_WINDOW_MS = 1000;

/** True where the same file stands under another name: the inode alone proves nothing, it is given out again at once. */
export function isSameInode(known: Facts, found: Pick<Facts, 'inode' | 'size' | 'mtime_ns'>): boolean {
  return known.inode === found.inode && known.size === found.size && known.mtime_ns === found.mtime_ns;
}

/** True where a path holds the file that was known there: no other name of it that vanished was moved to this one. */
export function isLinkKnown(
  row: FileRow | undefined,
  found: Pick<Facts, 'inode' | 'size' | 'mtime_ns'>,
): boolean {
  return stands(row) && isSameInode(row.facts, found);
}

/**
 * The other half of a move that was a copy and a deletion: a file with the same bytes that appeared just then. Empty
 * files are all alike, so they prove nothing.
 */
export function findCopy(
  gone: FileRow,
  arrivals: Iterable<Arrival>,
  when: { gone_at_ms: number; window_ms: number },
): Arrival | undefined {
  if (gone.facts.size === 0) return undefined;
  for (const arrival of arrivals) {
    if (arrival.path === gone.path || arrival.facts.checksum !== gone.facts.checksum) continue;
    const window_ms = arrival.facts.mtime_ns === gone.facts.mtime_ns ? COPY_WINDOW_MS : when.window_ms;
    if (Math.abs(when.gone_at_ms - arrival.appeared_at_ms) <= window_ms) return arrival;
  }
  return undefined;
}
