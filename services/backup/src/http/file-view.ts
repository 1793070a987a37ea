import type { BackupFile } from '@holdfast/contracts/http/backup';
import type { Entry } from '@holdfast/repository/api';
import type { z } from 'zod';

/** An entry of a snapshot as it is served. */
export function fileView(entry: Entry): z.infer<typeof BackupFile> {
  return {
    path: entry.path,
    kind: entry.kind,
    size: entry.size,
    mode: entry.mode.toString(8).padStart(4, '0'),
    mtime: new Date(Number(entry.mtime_ns / 1_000_000n)).toISOString(),
    checksum: entry.kind === 'file' ? entry.checksum : null,
    target: entry.target ?? null,
  };
}
