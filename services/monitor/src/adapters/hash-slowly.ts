import { createHash } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { costOf } from '../domain/scrub/scrub-round.ts';
import { type FileStat, toFileStat } from './file-stat.ts';

export interface HashOrder {
  readonly paths: readonly string[];
  readonly bytes_per_second: number;
}

/** `stat` as it was before the first byte; no checksum where the file could not be read to its end. */
export interface HashOutcome {
  readonly path: string;
  readonly checksum?: string;
  readonly stat?: FileStat;
}

const PIECE = 256 * 1024;
const sleeper = new Int32Array(new SharedArrayBuffer(4));

/** Reads files at a given pace and hashes them. Blocks for as long as that takes: meant for a worker thread of its own. */
export function hashSlowly({ paths, bytes_per_second }: HashOrder): HashOutcome[] {
  const piece = Buffer.allocUnsafe(Math.max(4096, Math.min(PIECE, bytes_per_second)));
  const pace = startPace(bytes_per_second);
  return paths.map((path) => {
    try {
      return hashFile(path, piece, pace);
    } catch {
      // It went away, or is not ours to read: what looks at its path next says so.
      return { path };
    }
  });
}

/** Waits until as many bytes were allowed. Time that went by unused is not made up for. */
function startPace(bytes_per_second: number): (bytes: number) => void {
  let due_ms = performance.now();
  return (bytes) => {
    due_ms = Math.max(due_ms, performance.now() - 1000) + (bytes * 1000) / bytes_per_second;
    const wait_ms = due_ms - performance.now();
    if (wait_ms > 1) Atomics.wait(sleeper, 0, 0, wait_ms);
  };
}

function hashFile(path: string, piece: Buffer, pace: (bytes: number) => void): HashOutcome {
  const descriptor = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const stats = fstatSync(descriptor, { bigint: true });
    if (!stats.isFile()) return { path };
    const hash = createHash('sha256');
    let size = 0;
    for (;;) {
      const length = readSync(descriptor, piece, 0, piece.length, null);
      if (length === 0) break;
      size += length;
      hash.update(piece.subarray(0, length));
      pace(length);
    }
    pace(costOf(size) - size);
    return { path, checksum: `sha256:${hash.digest('hex')}`, stat: toFileStat(stats) };
  } finally {
    closeSync(descriptor);
  }
}
