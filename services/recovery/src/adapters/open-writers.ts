import fs from 'node:fs';
import { systemCode } from '@holdfast/contracts/errors';

/** Who holds files open for writing. */
export interface OpenWriters {
  /** Processes (that we may look into) that could still write to a file. Elsewhere than on Linux: none known. */
  of(path: string): number[];
}

interface Handle {
  readonly pid: string;
  readonly fd: string;
}

const ACCESS_MODE = 0o3;
// A look at every process takes some milliseconds: a batch of bad files shares one.
const VALID_MS = 50;

export function createOpenWriters(): OpenWriters {
  let looked_at_ms = Number.NEGATIVE_INFINITY;
  let open = new Map<string, Handle[]>();
  return {
    of(path) {
      if (process.platform !== 'linux') return [];
      if (performance.now() - looked_at_ms > VALID_MS) {
        open = openFiles();
        looked_at_ms = performance.now();
      }
      const handles = open.get(fs.realpathSync.native(path)) ?? [];
      return [...new Set(handles.filter(isWritable).map(({ pid }) => Number(pid)))];
    },
  };
}

function openFiles(): Map<string, Handle[]> {
  const found = new Map<string, Handle[]>();
  for (const pid of fs.readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    for (const fd of unlessUnseen(() => fs.readdirSync(`/proc/${pid}/fd`)) ?? []) {
      const link = unlessUnseen(() => fs.readlinkSync(`/proc/${pid}/fd/${fd}`));
      if (link?.startsWith('/')) found.getOrInsertComputed(link, () => []).push({ pid, fd });
    }
  }
  return found;
}

function isWritable({ pid, fd }: Handle): boolean {
  const info = unlessUnseen(() => fs.readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'utf8')) ?? '';
  const flags = Number.parseInt(/^flags:\s*(\d+)/m.exec(info)?.[1] ?? '0', 8);
  return (flags & ACCESS_MODE) !== 0;
}

// A process that has ended meanwhile writes no more; one of somebody else cannot be looked into.
function unlessUnseen<Value>(look: () => Value): Value | undefined {
  try {
    return look();
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ENOENT' || code === 'ESRCH' || code === 'EACCES' || code === 'EPERM') return undefined;
    throw error;
  }
}
