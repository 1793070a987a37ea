import fs from 'node:fs';
import { dirname, join } from 'node:path';
import { systemCode } from '@holdfast/contracts/errors';
import type { Disk } from './disk.ts';
import { checksumOf, openStanding } from './file-content.ts';
import type { OpenWriters } from './open-writers.ts';

export interface Quarantine {
  readonly disk: Disk;
  /** Of ours, outside of what is protected. */
  readonly folder: string;
  readonly writers: OpenWriters;
}

/** A bad copy that is to make room. */
export interface BadCopy {
  readonly recovery_id: string;
  readonly case_id: string;
  readonly host: string;
  readonly source: string;
  /** As people know it. */
  readonly path: string;
  /** The same place, through its open folder. */
  readonly place: string;
  readonly name: string;
  /** What was judged; null: whatever stands there (a person asked). */
  readonly checksum: string | null;
  /** Of the version that is to stand there: never moved away. */
  readonly wanted: string;
}

/** Where a dead run of this case moved the bad copy to, if it came so far. */
export function movedBefore(folder: string, bad: BadCopy): string | null {
  const place = placeFor(folder, bad);
  return fs.existsSync(place) ? place : null;
}

function placeFor(folder: string, bad: BadCopy): string {
  return join(folder, bad.recovery_id, bad.case_id, bad.name);
}

// What lies in quarantine is never written over: it may be all that is left of somebody's work.
function freePlaceFor(folder: string, bad: BadCopy): string {
  const place = placeFor(folder, bad);
  for (let turn = 1; ; turn += 1) {
    const free = turn === 1 ? place : `${place}.${turn}`;
    if (!fs.existsSync(free)) return free;
  }
}

export type Moving =
  | { readonly kind: 'moved'; readonly to: string }
  | { readonly kind: 'absent' }
  /** It is not what was judged: it was not touched. */
  | { readonly kind: 'changed' }
  /** Somebody is still writing to it. */
  | { readonly kind: 'busy'; readonly pids: readonly number[] };

/**
 * Moves a bad copy to `<folder>/<recovery_id>/<case_id>/<name>`, with a note beside it that says where it came from.
 * Only the very bytes that were judged are moved; whatever else stands there is left alone.
 */
export async function moveToQuarantine(quarantine: Quarantine, bad: BadCopy): Promise<Moving> {
  const { disk, folder } = quarantine;
  using standing = disposable(openStanding(bad.place));
  if (standing.kind === 'absent') return await goOnAfterCrash(disk, movedBefore(folder, bad), bad);
  if (standing.kind === 'other') return { kind: 'changed' };
  const before = factsOf(standing.fd);
  const checksum = await checksumOf(standing.fd);
  if (checksum === bad.wanted || (bad.checksum !== null && checksum !== bad.checksum))
    return { kind: 'changed' };
  const pids = quarantine.writers.of(bad.place);
  if (pids.length > 0) return { kind: 'busy', pids };
  if (factsOf(standing.fd) !== before) return { kind: 'changed' };
  const to = freePlaceFor(folder, bad);
  await writeNote(disk, to, { ...bad, checksum });
  // Awaited: the file is open until then.
  return await move(disk, { fd: standing.fd, from: bad.place, to, checksum });
}

// So that `using` works on every kind.
function disposable<Value extends object>(value: Value): Value & Disposable {
  return Symbol.dispose in value
    ? (value as Value & Disposable)
    : { ...value, [Symbol.dispose]: () => undefined };
}

/** Tells any two states of an open file apart, as well as stat can. */
function factsOf(fd: number): string {
  const { size, mtimeNs, ino } = fs.fstatSync(fd, { bigint: true });
  return `${ino} ${size} ${mtimeNs}`;
}

async function writeNote(disk: Disk, to: string, bad: BadCopy): Promise<void> {
  const { place: _, name: __, ...facts } = bad;
  const folder = dirname(to);
  fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
  const note = `${JSON.stringify({ ...facts, moved_at: new Date().toISOString() }, null, 2)}\n`;
  disk.writeNote(`${folder}.json`, note);
  await syncPath(disk, `${folder}.json`);
}

interface Move {
  fd: number;
  from: string;
  to: string;
  checksum: string;
}

async function move(disk: Disk, bad: Move): Promise<Moving> {
  const { fd, from, to } = bad;
  const before = factsOf(fd);
  try {
    disk.moveAway(from, to);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return { kind: 'absent' };
    if (systemCode(error) !== 'EXDEV') throw error;
    return copyAcross(disk, bad);
  }
  await syncPath(disk, dirname(to));
  const { ino, size, mtimeNs } = fs.lstatSync(to, { bigint: true });
  const unchanged = `${ino} ${size} ${mtimeNs}` === before;
  // Times are coarse: two writes within some milliseconds can have the same.
  if (unchanged && (await checksumOf(fd)) === bad.checksum) return { kind: 'moved', to };
  // Somebody put another file there in the last instant, or wrote to it: it goes back, unless its place is taken again.
  giveBack(disk, to, from);
  return { kind: 'changed' };
}

/** A dead run may have moved the bad copy, or, in the last instant, newer bytes: those go back to their place. */
async function goOnAfterCrash(disk: Disk, to: string | null, bad: BadCopy): Promise<Moving> {
  if (to === null) return { kind: 'absent' };
  using moved = disposable(openStanding(to));
  if (moved.kind !== 'file') return { kind: 'absent' };
  if (bad.checksum === null || (await checksumOf(moved.fd)) === bad.checksum) return { kind: 'moved', to };
  giveBack(disk, to, bad.place);
  return { kind: 'changed' };
}

function giveBack(disk: Disk, to: string, from: string): void {
  try {
    disk.link(to, from);
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return;
    throw error;
  }
  disk.unlink(to);
}

/** Between file systems: the copy is durable before the original goes, and the original is still what was copied. */
async function copyAcross(disk: Disk, { fd, from, to }: Move): Promise<Moving> {
  const before = factsOf(fd);
  disk.copyAway(process.platform === 'linux' ? `/proc/self/fd/${fd}` : from, to);
  const { atimeMs, mtimeMs, mode } = fs.fstatSync(fd);
  fs.utimesSync(to, atimeMs / 1000, mtimeMs / 1000);
  fs.chmodSync(to, mode & 0o7777);
  await syncPath(disk, to);
  await syncPath(disk, dirname(to));
  const { ino, size, mtimeNs } = fs.lstatSync(from, { bigint: true });
  if (`${ino} ${size} ${mtimeNs}` !== before) {
    fs.rmSync(to, { force: true });
    return { kind: 'changed' };
  }
  disk.unlink(from);
  return { kind: 'moved', to };
}

async function syncPath(disk: Disk, path: string): Promise<void> {
  const fd = fs.openSync(path, 'r');
  try {
    await disk.sync(fd);
  } finally {
    fs.closeSync(fd);
  }
}
