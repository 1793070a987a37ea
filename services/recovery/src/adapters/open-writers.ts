import fs from 'node:fs';
import { findOpenFiles, isWritable, type OpenHandle } from '@holdfast/runtime/open-files';

/** Who holds files open for writing. */
export interface OpenWriters {
  /** Processes (that we may look into) that could still write to a file. Elsewhere than on Linux: none known. */
  of(path: string): number[];
}

// A look at every process takes some milliseconds: a batch of bad files shares one.
const VALID_MS = 50;

export function createOpenWriters(): OpenWriters {
  let looked_at_ms = Number.NEGATIVE_INFINITY;
  let open = new Map<string, OpenHandle[]>();
  return {
    of(path) {
      if (process.platform !== 'linux') return [];
      if (performance.now() - looked_at_ms > VALID_MS) {
        open = findOpenFiles(() => true);
        looked_at_ms = performance.now();
      }
      const handles = open.get(fs.realpathSync.native(path)) ?? [];
      return [...new Set(handles.filter(isWritable).map(({ pid }) => Number(pid)))];
    },
  };
}
