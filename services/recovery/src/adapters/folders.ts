import fs from 'node:fs';
import { basename, dirname } from 'node:path';
import { systemCode } from '@holdfast/contracts/errors';
import type { Entry } from '@holdfast/repository/api';
import { folderTimeAfter } from '../domain/loss-case/folder-time.ts';
import type { Disk } from './disk.ts';
import { type OpenFolder, openFolder } from './open-folder.ts';

export interface FolderRequest {
  readonly path: string;
  /** Of the source: the folder lies in it or is it. */
  readonly root: string;
  readonly lost_at_ms: number;
  /**
   * Its mtime when the loss was seen, for work that a dead run began (null: the folder was gone);
   * undefined: as it is now.
   */
  readonly before_ns: bigint | null | undefined;
  /** The folder as the newest snapshot has it. */
  readonly entryOf: (path: string) => Promise<Entry | undefined>;
}

/** A folder that files are put back into. */
export interface HeldFolder {
  readonly path: string;
  readonly fd: number;
  at(name: string): string;
  /** False once it was removed, or moved to another place. */
  isThere(): boolean;
}

interface Hold {
  readonly path: string;
  readonly entryOf: FolderRequest['entryOf'];
  holders: number;
  lost_at_ms: number;
  before_ns: bigint | null;
  parent: HeldFolder | null;
  open: OpenFolder | null;
  is_forgotten: boolean;
  ready: Promise<HeldFolder>;
}

/**
 * Holds folders while files are put into them, and leaves them as if nobody had been there. One for the whole service:
 * two recoveries in one folder must not take each other's work for somebody's change.
 */
export class Folders {
  readonly #disk: Disk;
  readonly #onProblem: (path: string, error: unknown) => void;
  /** By path. */
  readonly #holds = new Map<string, Hold>();
  readonly #byFolder = new WeakMap<HeldFolder, Hold>();

  /** `onProblem`: the times of a folder could not be set; its files stand all the same. */
  constructor(disk: Disk, onProblem: (path: string, error: unknown) => void) {
    this.#disk = disk;
    this.#onProblem = onProblem;
  }

  /** Opens it, or makes it (and those above) anew as it was stored. */
  async hold(request: FolderRequest): Promise<HeldFolder> {
    const hold = this.#holds.get(request.path) ?? this.#start(request);
    hold.holders += 1;
    hold.lost_at_ms = Math.max(hold.lost_at_ms, request.lost_at_ms);
    try {
      return await hold.ready;
    } catch (error) {
      this.#forget(hold);
      await this.#letGo(hold);
      throw error;
    }
  }

  /** The last to let go sets its times. */
  async release(folder: HeldFolder): Promise<void> {
    const hold = this.#byFolder.get(folder);
    if (hold) await this.#letGo(hold);
  }

  /** Where it was removed under our hands, the next to hold it makes it anew. */
  check(folder: HeldFolder): void {
    const hold = this.#byFolder.get(folder);
    if (hold && !folder.isThere()) this.#forget(hold);
  }

  #forget(hold: Hold): void {
    hold.is_forgotten = true;
    this.#drop(hold);
  }

  #drop(hold: Hold): void {
    if (this.#holds.get(hold.path) === hold) this.#holds.delete(hold.path);
  }

  #start(request: FolderRequest): Hold {
    const { path, entryOf, lost_at_ms } = request;
    const facts = { path, entryOf, lost_at_ms, holders: 0, before_ns: null, parent: null, open: null };
    const { promise, resolve } = Promise.withResolvers<HeldFolder>();
    const hold: Hold = { ...facts, is_forgotten: false, ready: promise };
    this.#holds.set(path, hold);
    resolve(this.#openOrMake(hold, request));
    return hold;
  }

  async #openOrMake(hold: Hold, request: FolderRequest): Promise<HeldFolder> {
    const open = (await this.#openStanding(hold, request)) ?? (await this.#make(hold, request));
    const folder: HeldFolder = { path: hold.path, fd: open.fd, at: open.at, isThere: open.isThere };
    this.#byFolder.set(folder, hold);
    return folder;
  }

  async #openStanding(hold: Hold, request: FolderRequest): Promise<OpenFolder | null> {
    const open = openUnlessGone(request);
    if (open === null) return null;
    hold.open = open;
    hold.before_ns = request.before_ns === undefined ? mtimeOf(open.fd) : request.before_ns;
    // A dead run may have made those above it too.
    if (request.before_ns === null && hold.path !== request.root) {
      hold.parent = await this.hold({ ...request, path: dirname(hold.path) });
    }
    return open;
  }

  async #make(hold: Hold, request: FolderRequest): Promise<OpenFolder> {
    const parent = await this.hold({ ...request, path: dirname(hold.path) });
    hold.parent = parent;
    const was_made = makeUnlessThere(this.#disk, parent.at(basename(hold.path)));
    const open = openFolder(hold.path, request.root);
    hold.open = open;
    hold.before_ns = was_made ? null : mtimeOf(open.fd);
    if (was_made) await dress(this.#disk, { open, parent, entry: await request.entryOf(hold.path) });
    return open;
  }

  async #letGo(hold: Hold): Promise<void> {
    hold.holders -= 1;
    if (hold.holders > 0) return;
    try {
      if (!hold.is_forgotten && hold.open) await settle(this.#disk, hold);
    } catch (error) {
      this.#onProblem(hold.path, error);
    }
    // Somebody may have come while the times were looked up.
    if (hold.holders > 0) return;
    this.#drop(hold);
    hold.open?.[Symbol.dispose]();
    hold.open = null;
    if (hold.parent) await this.release(hold.parent);
    hold.parent = null;
  }
}

function openUnlessGone(request: FolderRequest): OpenFolder | null {
  try {
    return openFolder(request.path, request.root);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return null;
    throw error;
  }
}

function makeUnlessThere(disk: Disk, path: string): boolean {
  try {
    disk.makeFolder(path);
    return true;
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false;
    throw error;
  }
}

function mtimeOf(fd: number): bigint {
  return fs.fstatSync(fd, { bigint: true }).mtimeNs;
}

interface NewFolder {
  open: OpenFolder;
  parent: HeldFolder;
  entry: Entry | undefined;
}

/** Mode and owner at once, so that nobody finds a folder that only we may enter. */
async function dress(disk: Disk, { open, parent, entry }: NewFolder): Promise<void> {
  if (entry === undefined) {
    const { mode, uid, gid } = fs.fstatSync(parent.fd);
    if (process.getuid?.() === 0) fs.fchownSync(open.fd, uid, gid);
    fs.fchmodSync(open.fd, mode & 0o7777);
    return;
  }
  await disk.applyMetadata(open.at('.'), entry);
  const is_writable = (entry.mode & 0o300) === 0o300 || process.getuid?.() === 0;
  if (!is_writable) fs.fchmodSync(open.fd, entry.mode | 0o300);
}

async function settle(disk: Disk, hold: Hold): Promise<void> {
  const entry = await hold.entryOf(hold.path);
  if (hold.holders > 0 || hold.open === null) return;
  const itself = hold.open.at('.');
  if (hold.before_ns === null && entry) return disk.applyMetadata(itself, entry);
  const { before_ns, lost_at_ms } = hold;
  const mtime_ns = folderTimeAfter({ before_ns, lost_at_ms, stored_ns: entry?.mtime_ns ?? null });
  if (mtime_ns !== null) await disk.setTimes(itself, mtime_ns);
}
