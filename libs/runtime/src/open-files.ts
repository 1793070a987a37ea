import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { systemCode } from '@holdfast/contracts/errors';

/** A file that a process holds open. */
export interface OpenHandle {
  readonly pid: string;
  readonly fd: string;
}

const ACCESS_MODE = 0o3;

/**
 * Who holds which files open, by their real paths: those of `isWanted`, as far as this user may see. Reads all of
 * /proc once and blocks for some milliseconds; elsewhere than on Linux nothing is known.
 */
export function findOpenFiles(isWanted: (path: string) => boolean): Map<string, OpenHandle[]> {
  const found = new Map<string, OpenHandle[]>();
  const processes = unlessUnseen(() => readdirSync('/proc')) ?? [];
  for (const pid of processes.filter((name) => /^\d+$/.test(name))) {
    for (const fd of unlessUnseen(() => readdirSync(`/proc/${pid}/fd`)) ?? []) {
      const path = unlessUnseen(() => readlinkSync(`/proc/${pid}/fd/${fd}`));
      if (path?.startsWith('/') && isWanted(path))
        found.getOrInsertComputed(path, () => []).push({ pid, fd });
    }
  }
  return found;
}

/** True where it is still open, and for writing. */
export function isWritable({ pid, fd }: OpenHandle): boolean {
  const info = unlessUnseen(() => readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'latin1')) ?? '';
  const flags = Number.parseInt(/^flags:\s*([0-7]+)/m.exec(info)?.[1] ?? '0', 8);
  return (flags & ACCESS_MODE) !== 0;
}

/**
 * Files of `isWanted` that a process has mapped to write into: what it changes there may show in no stat for long, and the
 * file need not be open. By their real paths; elsewhere than on Linux nothing is known.
 */
export function findMappedForWriting(isWanted: (path: string) => boolean): Set<string> {
  const found = new Set<string>();
  const processes = unlessUnseen(() => readdirSync('/proc')) ?? [];
  for (const pid of processes.filter((name) => /^\d+$/.test(name))) {
    const maps = unlessUnseen(() => readFileSync(`/proc/${pid}/maps`, 'utf8')) ?? '';
    for (const [, path = ''] of maps.matchAll(SHARED_WRITABLE)) if (isWanted(path)) found.add(path);
  }
  return found;
}

const SHARED_WRITABLE = /^\S+ .w.s \S+ \S+ \d+ +(\/.*)$/gm;

// A process that has ended meanwhile writes no more; one of somebody else cannot be looked into.
function unlessUnseen<Value>(look: () => Value): Value | undefined {
  try {
    return look();
  } catch (error) {
    if (['ENOENT', 'ESRCH', 'EACCES', 'EPERM'].includes(systemCode(error) ?? '')) return undefined;
    throw error;
  }
}
