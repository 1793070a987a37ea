import fs from 'node:fs';
import { systemCode } from '@holdfast/contracts/errors';

const ACCESS_MODE = 0o3;

/** Processes (that we may look into) that hold a file open for writing. Elsewhere than on Linux: none known. */
export function writersOf(path: string): number[] {
  if (process.platform !== 'linux') return [];
  const real = fs.realpathSync.native(path);
  return fs
    .readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && holdsForWriting(name, real))
    .map(Number);
}

function holdsForWriting(pid: string, real: string): boolean {
  try {
    return fs
      .readdirSync(`/proc/${pid}/fd`)
      .some((fd) => readLink(`/proc/${pid}/fd/${fd}`) === real && isWritable(pid, fd));
  } catch (error) {
    return unlessUnseen(error);
  }
}

function readLink(link: string): string | false {
  try {
    return fs.readlinkSync(link);
  } catch (error) {
    return unlessUnseen(error);
  }
}

function isWritable(pid: string, fd: string): boolean {
  const info = fs.readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'utf8');
  const flags = Number.parseInt(/^flags:\s*(\d+)/m.exec(info)?.[1] ?? '0', 8);
  return (flags & ACCESS_MODE) !== 0;
}

// A process that has ended meanwhile writes no more; one of somebody else cannot be looked into.
function unlessUnseen(error: unknown): false {
  const code = systemCode(error);
  if (code === 'ENOENT' || code === 'ESRCH' || code === 'EACCES' || code === 'EPERM') return false;
  throw error;
}
