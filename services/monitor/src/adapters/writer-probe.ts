import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

const WRITABLE = 0o3;

/**
 * Those of the paths that some process has open for writing, as far as this user may see. Reads all of /proc once:
 * blocks for some milliseconds, meant for a worker thread. Without /proc none.
 */
export function findWriters(paths: readonly string[]): string[] {
  const wanted = new Set(paths);
  const found = new Set<string>();
  for (const pid of list('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    for (const descriptor of list(`/proc/${pid}/fd`)) {
      const path = target(`/proc/${pid}/fd/${descriptor}`);
      if (path === undefined || !wanted.has(path) || found.has(path)) continue;
      if (isWritable(`/proc/${pid}/fdinfo/${descriptor}`)) found.add(path);
    }
  }
  return [...found];
}

// Processes come and go while we look, and some are not ours to see: what cannot be read tells nothing.
function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function target(link: string): string | undefined {
  try {
    return readlinkSync(link);
  } catch {
    return undefined;
  }
}

function isWritable(info: string): boolean {
  try {
    const [, flags] = /^flags:\s*([0-7]+)/m.exec(readFileSync(info, 'latin1')) ?? [];
    return flags !== undefined && (Number.parseInt(flags, 8) & WRITABLE) !== 0;
  } catch {
    return false;
  }
}
