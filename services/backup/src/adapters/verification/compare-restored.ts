import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { lstat, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { systemCode } from '@holdfast/contracts/errors';
import type { Entry } from '@holdfast/repository/api';

export interface Difference {
  readonly path: string;
  readonly reason: string;
}

const KINDS = { file: 'isFile', directory: 'isDirectory', symlink: 'isSymbolicLink' } as const;

/** Compares what stands below `target` with the entries that `wanted` chooses: kind, bytes, mode, time, link target. */
export async function compareRestored(
  entries: AsyncIterable<Entry>,
  target: string,
  wanted: (path: string) => boolean,
): Promise<Difference[]> {
  const differences: Difference[] = [];
  for await (const entry of entries) {
    if (!wanted(entry.path)) continue;
    const reason = await differenceOf(entry, join(target, entry.path));
    if (reason !== null) differences.push({ path: entry.path, reason });
  }
  return differences;
}

async function differenceOf(entry: Entry, path: string): Promise<string | null> {
  try {
    const found = await lstat(path, { bigint: true });
    if (!found[KINDS[entry.kind]]()) return `it is no ${entry.kind}`;
    if (entry.kind === 'symlink')
      return (await readlink(path)) === entry.target ? null : 'it links elsewhere';
    if (Number(found.mode & 0o7777n) !== entry.mode) return 'its mode differs';
    if (entry.kind === 'directory') return null;
    if (found.mtimeNs !== entry.mtime_ns) return 'its time differs';
    return (await checksumOf(path)) === entry.checksum ? null : 'its bytes differ';
  } catch (error) {
    return systemCode(error) === 'ENOENT' ? 'it is missing' : `it cannot be read: ${String(error)}`;
  }
}

async function checksumOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return `sha256:${hash.digest('hex')}`;
}
