import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { codeOf, type Disk, writeDurably } from './local-disk.ts';

const PIECE_BYTES = 1 << 20;
/** A piece is only made where so much is free: the reserve must not be what fills the disk. */
const ROOM_BYTES = 16 * PIECE_BYTES;

/** Enough for what a deletion writes before it frees anything: marks, and index objects (3 MiB at most) one after the other. */
export const RESERVE_PIECES_MAX = 8;

/**
 * Space that is kept for the day on which the disk is full: who deletes has to write a little first. It lies in files
 * of 1 MiB, so that blocks and inodes come free one piece at a time. Random bytes: a file system that compresses
 * would keep nothing for zeros.
 */
export class Reserve {
  readonly #disk: Disk;
  readonly #folder: string;
  /** A piece was given up, and is still missing. */
  was_spent = false;

  /** The folder must stand when it is used. */
  constructor(disk: Disk, folder: string) {
    this.#disk = disk;
    this.#folder = folder;
  }

  /**
   * Makes what is missing of so many pieces, as far as there is plenty of room; `makeBeside` names a file that is swept if
   * this is killed. That it cannot be made is no failure of what is stored: a store without a reserve is as good until its
   * disk is full.
   */
  async fill(pieces: number, makeBeside: () => string): Promise<void> {
    try {
      const present = new Set(await this.#disk.readdir(this.#folder));
      for (let piece = 0; piece < Math.min(pieces, RESERVE_PIECES_MAX); piece += 1) {
        if (present.has(String(piece))) continue;
        if (!(await this.#hasRoom())) return;
        await this.#make(makeBeside(), join(this.#folder, String(piece)));
      }
      this.was_spent = false;
    } catch (error) {
      if (codeOf(error) === undefined) throw error;
    }
  }

  /** Gives one piece back to the disk. False: there is none left. */
  async free(): Promise<boolean> {
    this.was_spent = true;
    for (const name of await this.#disk.readdir(this.#folder)) {
      if (await this.#unlink(name)) return true;
    }
    return false;
  }

  /** False: another process was quicker. */
  async #unlink(name: string): Promise<boolean> {
    try {
      await this.#disk.unlink(join(this.#folder, name));
      return true;
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return false;
      throw error;
    }
  }

  async #hasRoom(): Promise<boolean> {
    const { bavail, bsize } = await this.#disk.statfs(this.#folder);
    return bavail * bsize >= ROOM_BYTES;
  }

  async #make(beside: string, piece: string): Promise<void> {
    try {
      await writeDurably(this.#disk, beside, randomBytes(PIECE_BYTES));
      await this.#disk.rename(beside, piece);
    } finally {
      await this.#disk.rm(beside, { force: true });
    }
  }
}
