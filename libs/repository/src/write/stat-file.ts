import { randomBytes } from 'node:crypto';
import {
  closeSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { systemCode } from '../errors.ts';

/** Stamps of the files of a walk, in order of keys: in blocks, each found by its first key. */
interface Block {
  readonly first_key: string;
  readonly at: number;
  readonly count: number;
}

const BLOCK_STAMPS = 4096;
const LITTER_MS = 7 * 24 * 60 * 60 * 1000;
const MAGIC = 0x3153_4648;
/** Magic, number of stamps, length of the first key. */
const HEAD_BYTES = 12;
const STAMP_BYTES = 8;

/**
 * What the last walk of a source left. Any part of it may be lost or torn: a stamp that is not found only means that a
 * file is read again.
 */
export class StatFile implements Disposable {
  readonly #fd: number | undefined;
  readonly #blocks: Block[] = [];
  #loaded: { block: number; stamps: Float64Array; set: Set<number> } | undefined;

  constructor(path: string) {
    this.#fd = openIfThere(path);
    if (this.#fd !== undefined) this.#readHeads(this.#fd);
  }

  /** True where the stamp is among those of the files near this key. */
  holds(key: string, stamp: number): boolean {
    return this.#load(this.#blockOf(key))?.set.has(stamp) ?? false;
  }

  /** Number of the block that this key falls into (-1: none), and its stamps. */
  near(key: string): { block: number; stamps: Float64Array } | undefined {
    return this.#load(this.#blockOf(key));
  }

  [Symbol.dispose](): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
  }

  #blockOf(key: string): number {
    let low = 0;
    let high = this.#blocks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#blocks[middle] as Block).first_key <= key) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  #load(number: number) {
    if (this.#loaded?.block === number) return this.#loaded;
    const block = this.#blocks[number];
    if (block === undefined || this.#fd === undefined) return undefined;
    const stamps = new Float64Array(block.count);
    readSync(this.#fd, Buffer.from(stamps.buffer), 0, block.count * STAMP_BYTES, block.at);
    this.#loaded = { block: number, stamps, set: new Set(stamps) };
    return this.#loaded;
  }

  #readHeads(fd: number): void {
    const { size } = fstatSync(fd);
    const head = Buffer.alloc(HEAD_BYTES);
    for (let at = 0; at + HEAD_BYTES <= size; ) {
      readSync(fd, head, 0, HEAD_BYTES, at);
      if (head.readUInt32LE(0) !== MAGIC) return;
      const count = head.readUInt32LE(4);
      const key = Buffer.alloc(Math.min(head.readUInt32LE(8), size));
      readSync(fd, key, 0, key.length, at + HEAD_BYTES);
      const stamps_at = at + HEAD_BYTES + key.length;
      if (stamps_at + count * STAMP_BYTES > size) return;
      this.#blocks.push({ first_key: key.toString('latin1'), at: stamps_at, count });
      at = stamps_at + count * STAMP_BYTES;
    }
  }
}

/**
 * Writes the next one beside the last, and puts it in its place when the walk is through. Where it cannot (the cache was
 * thrown away, its disk is full) there is none: the next backup reads the files again, and this one goes on.
 */
export class StatFileWriter implements Disposable {
  readonly #path: string;
  readonly #beside: string;
  readonly #fd: number | undefined;
  readonly #stamps = new Float64Array(BLOCK_STAMPS);
  #first_key = '';
  #count = 0;
  #written = 0;
  #is_open: boolean;

  constructor(path: string) {
    this.#path = path;
    this.#beside = `${path}.${randomBytes(6).toString('hex')}`;
    orNothing(() => sweep(path));
    this.#fd = orNothing(() => openAnew(this.#beside));
    this.#is_open = this.#fd !== undefined;
  }

  /** Number of the block in which a key that comes now will be looked for, unless a stamp is added with it. */
  get block(): number {
    return this.#count > 0 ? this.#written : this.#written - 1;
  }

  /** Stamps of files near this key, in a block that begins here. */
  addBlock(key: string, stamps: Float64Array): void {
    this.#writeBlock();
    for (const stamp of stamps) this.add(key, stamp);
  }

  /** In order of keys. */
  add(key: string, stamp: number): void {
    if (this.#count === 0) this.#first_key = key;
    this.#stamps[this.#count] = stamp;
    this.#count += 1;
    if (this.#count === BLOCK_STAMPS) this.#writeBlock();
  }

  /** Not synced: what a crash takes of it costs time, no data. */
  finish(): void {
    this.#writeBlock();
    if (!this.#is_open) return;
    this.#close();
    orNothing(() => renameSync(this.#beside, this.#path));
  }

  /** Throws away what was not finished. */
  [Symbol.dispose](): void {
    if (!this.#is_open) return;
    this.#close();
    rmSync(this.#beside, { force: true });
  }

  #close(): void {
    this.#is_open = false;
    if (this.#fd !== undefined) closeSync(this.#fd);
  }

  /** Torn is as good as lost: then it is given up. */
  #append(block: Buffer): void {
    const fd = this.#fd;
    if (!this.#is_open || fd === undefined) return;
    if (orNothing(() => writeSync(fd, block)) !== block.length) this[Symbol.dispose]();
  }

  #writeBlock(): void {
    if (this.#count === 0) return;
    const key = Buffer.from(this.#first_key, 'latin1');
    const head = Buffer.alloc(HEAD_BYTES);
    head.writeUInt32LE(MAGIC, 0);
    head.writeUInt32LE(this.#count, 4);
    head.writeUInt32LE(key.length, 8);
    const stamps = Buffer.from(this.#stamps.buffer, 0, this.#count * STAMP_BYTES);
    this.#append(Buffer.concat([head, key, stamps]));
    this.#written += 1;
    this.#count = 0;
  }
}

/** Removes what walks left that were killed. One that takes longer than this would only lose what it remembers. */
function sweep(path: string): void {
  const folder = dirname(path);
  const litter = readdirSync(folder).filter((name) => name.startsWith(`${basename(path)}.`));
  for (const name of litter) {
    const file = join(folder, name);
    if (Date.now() - statSync(file).mtimeMs > LITTER_MS) rmSync(file, { force: true });
  }
}

function openAnew(path: string): number {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  return openSync(path, 'wx', 0o600);
}

/** Undefined where the system does not do it: what a cache lacks costs time only. */
function orNothing<Result>(work: () => Result): Result | undefined {
  try {
    return work();
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    return undefined;
  }
}

function openIfThere(path: string): number | undefined {
  try {
    return openSync(path, 'r');
  } catch (error) {
    // Nothing was walked yet, the cache was lost, or the file is another user's.
    if (['ENOENT', 'EACCES', 'EPERM'].includes(systemCode(error) ?? '')) return undefined;
    throw error;
  }
}
