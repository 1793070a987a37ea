import { createHash } from 'node:crypto';
import { closeSync, constants, openSync, readSync } from 'node:fs';
import { CHUNK_SIZES, type Chunker } from '../chunker/fastcdc.ts';
import { sha256 } from '../crypto/keys.ts';
import { reasonOf, systemCode } from '../errors.ts';
import { pathForSystem } from '../paths.ts';
import { CHUNKS_INLINE_MAX, type NewEntry } from '../tree/entry-codec.ts';
import type { ChunkSink } from './chunk-sink.ts';
import { openClone } from './clone-file.ts';
import { type FileStat, isSameState, statOf } from './file-stat.ts';
import { readXattrsOf } from './read-xattrs.ts';

/** Where the chunks of a file go. */
export type ChunkTaker = Pick<ChunkSink, 'add'>;

/** What became of a file: its bytes are in the sink, or why they could not be read. */
export type StoreResult =
  | { readonly ok: true; readonly stat: FileStat; readonly entry: NewEntry; readonly is_steady: boolean }
  | { readonly ok: false; readonly code: string | undefined; readonly reason: string };

const ATTEMPTS = 3;
const WINDOW_BYTES = 2 * CHUNK_SIZES.max;
/** Some files say that they are empty and are not (/proc, some FUSE ones); a few of those never end. */
const UNTOLD_MAX_BYTES = 64 << 20;
const DIGEST_OF_NOTHING = sha256(Buffer.alloc(0));

/**
 * Reads a file, cuts it and puts its chunks into the sink. Synchronous. A file that changes meanwhile is read again;
 * one that never stands still is cloned where
 * the file system can, else kept as it was last read, and told. Throws the system's error, or one with code `ENOTFILE`.
 */
function storeFile(path: string, parts: Parts): StoreResult {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const fd = openSync(pathForSystem(path), flags);
  try {
    let before = statOf(fd);
    for (let attempt = 1; ; attempt += 1) {
      if (before.kind !== 'file')
        throw Object.assign(new Error('it is no file any more'), { code: 'ENOTFILE' });
      const { length, ...content } = storeContent(fd, before.size, parts);
      const xattrs = readXattrsOf(fd);
      const after = statOf(fd);
      const is_whole = length === before.size || before.size === 0;
      const is_steady = is_whole && isSameState(before, after);
      if (is_steady) return stored({ ...before, size: length }, { ...content, xattrs }, true);
      if (attempt === ATTEMPTS) {
        const cloned = storeClone(fd, path, parts);
        if (cloned !== undefined) return stored(cloned.stat, { ...cloned.content, xattrs }, true);
        return stored({ ...before, size: length }, { ...content, xattrs }, false);
      }
      before = after;
    }
  } finally {
    closeSync(fd);
  }
}

/** The same, with the system's refusal as a result: it concerns one file. Any other fault is thrown and ends the backup. */
export function tryStoreFile(path: string, parts: Parts): StoreResult {
  try {
    return storeFile(path, parts);
  } catch (error) {
    const code = systemCode(error);
    const is_of_system = code !== undefined && /^E[A-Z0-9]+$/.test(code);
    if (!is_of_system) throw error;
    return { ok: false, code, reason: reasonOf(error) };
  }
}

function stored(stat: FileStat, content: FileContent, is_steady: boolean): StoreResult {
  return { ok: true, stat, entry: fileEntry(stat, content), is_steady };
}

/** Where the file system can share blocks, a file that never stands still is stored as it was at one moment. */
function storeClone(fd: number, path: string, parts: Parts) {
  const stat = statOf(fd);
  const clone = (parts.openClone ?? openClone)(fd, path);
  if (clone === undefined) return undefined;
  try {
    const { length, ...content } = storeContent(clone, statOf(clone).size, parts);
    return { stat: { ...stat, size: length }, content };
  } finally {
    closeSync(clone);
  }
}

type FileContent = Pick<NewEntry, 'digest' | 'is_list' | 'ids'> & { xattrs: Buffer | undefined };

function fileEntry(stat: FileStat, content: FileContent): NewEntry {
  const { xattrs, digest, is_list, ids } = content;
  return {
    kind: 'file',
    size: stat.size,
    mode: stat.mode,
    uid: stat.uid,
    gid: stat.gid,
    mtime_seconds: stat.mtime_seconds,
    mtime_rest_ns: stat.mtime_rest_ns,
    digest,
    is_list,
    ids,
    ...(xattrs !== undefined && { xattrs }),
    ...(stat.nlink > 1 && { link_group: linkGroupOf(stat) }),
    ...(stat.is_sparse && { sparse: true }),
  };
}

/** The same for all names of one file. */
function linkGroupOf({ dev_major, dev_minor, ino_low, ino_high }: FileStat): string {
  return `${dev_major}.${dev_minor}:${BigInt(ino_high) * 2n ** 32n + BigInt(ino_low)}`;
}

let window: Buffer | undefined;

/** What is read next goes over what was read last: the sink has copied it. */
function windowOf(): Buffer {
  window ??= Buffer.allocUnsafeSlow(WINDOW_BYTES);
  return window;
}

interface StoredContent {
  readonly length: number;
  readonly digest: Buffer;
  readonly is_list: boolean;
  readonly ids: Buffer | undefined;
}

interface Parts {
  readonly chunker: Chunker;
  readonly sink: ChunkTaker;
  /** Throws, with no code of the system, where nobody wants any more; asked now and then, also in a large file. */
  readonly throwIfStopped?: () => void;
  /** Tests give another. */
  readonly openClone?: typeof openClone;
}

function storeContent(fd: number, size: number, parts: Parts): StoredContent {
  if (size === 0) return storeStream(fd, parts, UNTOLD_MAX_BYTES);
  return size <= CHUNK_SIZES.max ? storeWhole(fd, size, parts) : storeStream(fd, parts);
}

/** A file that fits into memory many times over: one read. */
function storeWhole(fd: number, size: number, { chunker, sink }: Parts): StoredContent {
  const data = windowOf().subarray(0, size);
  const length = fill(fd, data, { from: 0, position: 0 });
  const ids: Buffer[] = [];
  let digest = DIGEST_OF_NOTHING;
  for (let at = 0; at < length; ) {
    const cut = chunker.cut(data, at, length);
    const chunk = sink.add(data.subarray(at, at + cut), 'data');
    ids.push(chunk.id);
    digest = chunk.digest;
    at += cut;
  }
  if (ids.length > 1) digest = sha256(data.subarray(0, length));
  return { length, digest, ...placeIds(ids, sink) };
}

/** Reads until the end, which is no further than `most` bytes away, or throws EFBIG. */
function storeStream(fd: number, parts: Parts, most = Number.POSITIVE_INFINITY): StoredContent {
  const { chunker, sink, throwIfStopped } = parts;
  const data = windowOf();
  const whole = createHash('sha256');
  const ids: Buffer[] = [];
  let position = 0;
  let filled = 0;
  for (;;) {
    throwIfStopped?.();
    const read = fill(fd, data, { from: filled, position });
    whole.update(data.subarray(filled, filled + read));
    position += read;
    filled += read;
    if (position > most)
      throw Object.assign(new Error('it says that it is empty, and has no end'), { code: 'EFBIG' });
    const is_end = filled < WINDOW_BYTES;
    let at = 0;
    while (at < filled && (is_end || filled - at >= CHUNK_SIZES.max)) {
      const cut = chunker.cut(data, at, filled);
      ids.push(sink.add(data.subarray(at, at + cut), 'data').id);
      at += cut;
    }
    if (is_end) break;
    data.copyWithin(0, at, filled);
    filled -= at;
  }
  return { length: position, digest: whole.digest(), ...placeIds(ids, sink) };
}

/** The id of a single chunk follows from the digest; ids of a large file go into chunks of their own, so that the node that names it stays small. */
function placeIds(ids: readonly Buffer[], sink: ChunkTaker): Pick<StoredContent, 'is_list' | 'ids'> {
  if (ids.length === 1) return { is_list: false, ids: undefined };
  const joined = Buffer.concat(ids);
  if (ids.length <= CHUNKS_INLINE_MAX) return { is_list: false, ids: joined };
  const lists: Buffer[] = [];
  for (let at = 0; at < joined.length; at += CHUNK_SIZES.average) {
    lists.push(sink.add(joined.subarray(at, at + CHUNK_SIZES.average), 'node').id);
  }
  return { is_list: true, ids: Buffer.concat(lists) };
}

/** Reads until the buffer is full or the file ends; the count of bytes read. */
function fill(fd: number, buffer: Buffer, at: { from: number; position: number }): number {
  let total = 0;
  while (at.from + total < buffer.length) {
    const read = readSync(fd, buffer, at.from + total, buffer.length - at.from - total, at.position + total);
    if (read === 0) break;
    total += read;
  }
  return total;
}
