import { type BigIntStats, fstatSync, lstatSync } from 'node:fs';
import { endianness } from 'node:os';
import koffi, { type KoffiFunc } from 'koffi';
import { pathForSystem, pathToBytes } from '../paths.ts';

/** What the system says of a path: numbers only, every one exact, and no object for any of them. */
export interface FileStat {
  readonly kind: 'file' | 'directory' | 'symlink' | 'other';
  readonly size: number;
  /** Permission bits and setuid, setgid, sticky. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly nlink: number;
  /** Whole seconds, rounded down, and what is left of them. */
  readonly mtime_seconds: number;
  readonly mtime_rest_ns: number;
  readonly ctime_seconds: number;
  readonly ctime_rest_ns: number;
  readonly dev_major: number;
  readonly dev_minor: number;
  readonly ino_low: number;
  readonly ino_high: number;
  /** It occupies less space than its size. */
  readonly is_sparse: boolean;
}

const HAS_STATX = process.platform === 'linux' && endianness() === 'LE';
const AT_FDCWD = -100;
const AT_SYMLINK_NOFOLLOW = 0x100;
const AT_EMPTY_PATH = 0x1000;
const STATX_BASIC_STATS = 0x7ff;
/** Places in `struct statx`, as words of 32 bits. */
const AT = {
  nlink: 4,
  uid: 5,
  gid: 6,
  mode: 7,
  ino: 8,
  size: 10,
  blocks: 12,
  ctime: 24,
  mtime: 28,
  dev_major: 34,
  dev_minor: 35,
} as const;
const STATX_WORDS = 64;
const WORD = 2 ** 32;
const SECTOR_BYTES = 512;
const NS_PER_SECOND = 1_000_000_000n;
const EMPTY_PATH = Buffer.alloc(1);

type Statx<Path> = KoffiFunc<
  (folder: number, path: Path, flags: number, mask: number, into: Uint32Array) => number
>;

const words = new Uint32Array(STATX_WORDS);
let loaded: { by_text: Statx<string>; by_bytes: Statx<Uint8Array> } | undefined;

/**
 * What stands at a path; a symlink is not followed. Throws the system's error. Where it can, by `statx` itself: half of
 * what the objects of `node:fs` cost where hundreds of thousands of files are looked at.
 */
export function statAt(path: string): FileStat {
  const system_path = pathForSystem(path);
  if (HAS_STATX && statxAt(path, system_path) === 0) return fromWords();
  return fromStats(lstatSync(system_path, { bigint: true }));
}

/** The same; undefined where nothing stands. Where that is the rule, an error made for each costs more than all else. */
export function statIfThere(path: string): FileStat | undefined {
  const system_path = pathForSystem(path);
  if (HAS_STATX && statxAt(path, system_path) === 0) return fromWords();
  const stat = lstatSync(system_path, { bigint: true, throwIfNoEntry: false });
  return stat && fromStats(stat);
}

/** The same of an open file. */
export function statOf(fd: number): FileStat {
  if (HAS_STATX && system().by_bytes(fd, EMPTY_PATH, AT_EMPTY_PATH, STATX_BASIC_STATS, words) === 0)
    return fromWords();
  return fromStats(fstatSync(fd, { bigint: true }));
}

/** True where neither the content nor anything that is kept of a file changed between the two looks. */
export function isSameState(one: FileStat, other: FileStat): boolean {
  return (
    one.size === other.size &&
    one.mtime_seconds === other.mtime_seconds &&
    one.mtime_rest_ns === other.mtime_rest_ns &&
    one.ctime_seconds === other.ctime_seconds &&
    one.ctime_rest_ns === other.ctime_rest_ns
  );
}

function statxAt(path: string, system_path: string | Buffer): number {
  const { by_text, by_bytes } = system();
  if (typeof system_path === 'string')
    return by_text(AT_FDCWD, system_path, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, words);
  const c_path = Buffer.concat([pathToBytes(path), EMPTY_PATH]);
  return by_bytes(AT_FDCWD, c_path, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, words);
}

function fromWords(): FileStat {
  const type_and_mode = word(AT.mode) & 0xffff;
  const size = wide(AT.size);
  return {
    kind: kindOf(type_and_mode),
    size,
    mode: type_and_mode & 0o7777,
    uid: word(AT.uid),
    gid: word(AT.gid),
    nlink: word(AT.nlink),
    mtime_seconds: seconds(AT.mtime),
    mtime_rest_ns: word(AT.mtime + 2),
    ctime_seconds: seconds(AT.ctime),
    ctime_rest_ns: word(AT.ctime + 2),
    dev_major: word(AT.dev_major),
    dev_minor: word(AT.dev_minor),
    ino_low: word(AT.ino),
    ino_high: word(AT.ino + 1),
    is_sparse: wide(AT.blocks) * SECTOR_BYTES < size,
  };
}

function fromStats(stat: BigIntStats): FileStat {
  const mtime = split(stat.mtimeNs);
  const ctime = split(stat.ctimeNs);
  const size = Number(stat.size);
  return {
    kind: kindOf(Number(stat.mode) & 0xffff),
    size,
    mode: Number(stat.mode) & 0o7777,
    uid: Number(stat.uid),
    gid: Number(stat.gid),
    nlink: Number(stat.nlink),
    mtime_seconds: mtime.seconds,
    mtime_rest_ns: mtime.rest_ns,
    ctime_seconds: ctime.seconds,
    ctime_rest_ns: ctime.rest_ns,
    dev_major: 0,
    dev_minor: Number(stat.dev),
    ino_low: Number(BigInt.asUintN(32, stat.ino)),
    ino_high: Number(BigInt.asUintN(32, stat.ino >> 32n)),
    is_sparse: Number(stat.blocks) * SECTOR_BYTES < size,
  };
}

function split(ns: bigint): { seconds: number; rest_ns: number } {
  const rest = ((ns % NS_PER_SECOND) + NS_PER_SECOND) % NS_PER_SECOND;
  return { seconds: Number((ns - rest) / NS_PER_SECOND), rest_ns: Number(rest) };
}

function kindOf(type_and_mode: number): FileStat['kind'] {
  const type = type_and_mode & 0o170000;
  if (type === 0o100000) return 'file';
  if (type === 0o040000) return 'directory';
  return type === 0o120000 ? 'symlink' : 'other';
}

const word = (at: number) => words[at] as number;
/** 64 bits; none of them is above 2^53 here. */
const wide = (at: number) => word(at) + word(at + 1) * WORD;
const seconds = (at: number) => word(at) + (word(at + 1) | 0) * WORD;

function system() {
  if (loaded === undefined) {
    const library = koffi.load(null);
    const rest = 'int flags, uint32_t mask, uint32_t *into';
    loaded = {
      by_text: library.func(`int statx(int folder, const char *path, ${rest})`),
      by_bytes: library.func(`int statx(int folder, const uint8_t *path, ${rest})`),
    };
  }
  return loaded;
}
