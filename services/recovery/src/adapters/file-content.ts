import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { systemCode } from '@holdfast/contracts/errors';

const PIECE_BYTES = 1 << 20;
const { O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = fs.constants;

/** `sha256:<hex>` of an open file, read in pieces so that a large one does not stop everything else. */
export async function checksumOf(fd: number): Promise<string> {
  const hash = createHash('sha256');
  const piece = Buffer.allocUnsafe(Math.min(PIECE_BYTES, fs.fstatSync(fd).size + 1));
  for (let at = 0; ; ) {
    const read = fs.readSync(fd, piece, 0, piece.length, at);
    if (read === 0) return `sha256:${hash.digest('hex')}`;
    hash.update(piece.subarray(0, read));
    at += read;
    if (at >= PIECE_BYTES) await turn();
  }
}

/** What stands at a path, opened; `other` is anything that is no regular file. Symlinks are not followed. */
export type Standing = { kind: 'absent' } | { kind: 'other' } | ({ kind: 'file'; fd: number } & Disposable);

export function openStanding(path: string): Standing {
  let fd: number;
  try {
    fd = fs.openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return { kind: 'absent' };
    if (systemCode(error) === 'ELOOP' || systemCode(error) === 'ENXIO') return { kind: 'other' };
    throw error;
  }
  if (fs.fstatSync(fd).isFile()) return { kind: 'file', fd, [Symbol.dispose]: () => fs.closeSync(fd) };
  fs.closeSync(fd);
  return { kind: 'other' };
}
