import { mkdir, mkdtemp, readdir, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { systemCode } from '@holdfast/contracts/errors';

const PREFIX = 'verify-';
/** Left to others, beside what is restored. */
const ROOM_LEFT_BYTES = 256 * 1024 * 1024;

/** A fresh folder for a restore that is only looked at. Whoever makes it removes it. */
export async function makeScratchFolder(scratch_dir: string): Promise<string> {
  await mkdir(scratch_dir, { recursive: true, mode: 0o700 });
  return mkdtemp(join(scratch_dir, PREFIX));
}

/** Removes what a kill has left; only while nobody else makes such folders. */
export async function removeLeftovers(scratch_dir: string): Promise<void> {
  for (const name of await leftIn(scratch_dir))
    await rm(join(scratch_dir, name), { recursive: true, force: true });
}

async function leftIn(scratch_dir: string): Promise<string[]> {
  try {
    return (await readdir(scratch_dir)).filter((name) => name.startsWith(PREFIX));
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return [];
    throw error;
  }
}

/** True where so many bytes can be restored, and the disk has room left for others. */
export async function hasRoom(scratch_dir: string, bytes: number): Promise<boolean> {
  await mkdir(scratch_dir, { recursive: true, mode: 0o700 });
  const { bavail, bsize } = await statfs(scratch_dir);
  return bavail * bsize > bytes + ROOM_LEFT_BYTES;
}
