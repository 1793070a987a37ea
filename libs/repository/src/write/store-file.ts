import { createHash } from 'node:crypto';
import { type BigIntStats, closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import type { Chunker } from '../chunker/fastcdc.ts';
import { CHUNK_SIZES } from '../chunker/fastcdc.ts';
import { reasonOf, systemCode } from '../errors.ts';
import { pathForSystem } from '../paths.ts';
import type { StoreResult } from '../threads/messages.ts';
import { CHUNKS_INLINE_MAX } from '../tree/entry-codec.ts';
import type { ChunkSink } from './chunk-sink.ts';
import { readXattrsOf } from './read-xattrs.ts';

/** Where the chunks of a file go. */
export type ChunkTaker = Pick<ChunkSink, 'add'>;

/** What the system says of a file, as numbers where they are exact. */
export interface FileStat {
  readonly size: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtime_ns: bigint;
  readonly ctime_ns: bigint;
  readonly dev: bigint;
  readonly ino: bigint;
  readonly nlink: number;
  /** It occupies less space than its size. */
  readonly is_sparse: boolean;
}

/** A file whose bytes are in the sink. */
export interface StoredFile {
  readonly stat: FileStat;
  readonly digest: Uint8Array;
  readonly is_list: boolean;
  readonly ids: Uint8Array;
  /** Extended attributes, encoded. */
  readonly xattrs?: Uint8Array;
}

const BLOCK_BYTES = 512n;
const ATTEMPTS = 3;
const WINDOW_BYTES = 2 * CHUNK_SIZES.max;
const MODE_BITS = 0o7777n;

/**
 * Reads a file, cuts it and puts its chunks into the sink. Synchronous. A file that changes meanwhile is read again;
 * one that never stands still is kept as it was last read. Throws the system's error, or one with code `ENOTFILE`.
 */
function storeFile(path: string, chunker: Chunker, sink: ChunkTaker): StoredFile {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const fd = openSync(pathForSystem(path), flags);
  try {
    for (let attempt = 1; ; attempt += 1) {
      const before = fstatSync(fd, { bigint: true });
      if (!before.isFile()) throw Object.assign(new Error('it is no file any more'), { code: 'ENOTFILE' });
      const content = storeContent(fd, Number(before.size), { chunker, sink });
      const xattrs = readXattrsOf(fd);
      const is_steady =
        content.length === Number(before.size) && isSame(before, fstatSync(fd, { bigint: true }));
      if (is_steady || attempt === ATTEMPTS) {
        const { digest, is_list, ids } = content;
        const stat = { ...toFileStat(before), size: content.length };
        return { stat, digest, is_list, ids, ...(xattrs !== undefined && { xattrs }) };
      }
    }
  } finally {
    closeSync(fd);
  }
}

/** The same, with the system's refusal as a result: it concerns one file. Any other fault is thrown and ends the backup. */
export function tryStoreFile(path: string, chunker: Chunker, sink: ChunkTaker): StoreResult {
  try {
    return { ok: true, ...storeFile(path, chunker, sink) };
  } catch (error) {
    const code = systemCode(error);
    const is_of_system = code !== undefined && /^E[A-Z0-9]+$/.test(code);
    if (!is_of_system) throw error;
    return { ok: false, code, reason: reasonOf(error) };
  }
}

/** The part of the system's answer that entries and change detection use. */
export function toFileStat(stat: BigIntStats): FileStat {
  return {
    size: Number(stat.size),
    mode: Number(stat.mode & MODE_BITS),
    uid: Number(stat.uid),
    gid: Number(stat.gid),
    mtime_ns: stat.mtimeNs,
    ctime_ns: stat.ctimeNs,
    dev: stat.dev,
    ino: stat.ino,
    nlink: Number(stat.nlink),
    is_sparse: stat.blocks * BLOCK_BYTES < stat.size,
  };
}

interface StoredContent {
  readonly length: number;
  readonly digest: Buffer;
  readonly is_list: boolean;
  readonly ids: Buffer;
}

interface Parts {
  readonly chunker: Chunker;
  readonly sink: ChunkTaker;
}

function storeContent(fd: number, size: number, parts: Parts): StoredContent {
  return size <= CHUNK_SIZES.max ? storeWhole(fd, size, parts) : storeStream(fd, parts);
}

/** A file that fits into memory many times over: one read. */
function storeWhole(fd: number, size: number, { chunker, sink }: Parts): StoredContent {
  const data = Buffer.allocUnsafe(size);
  const length = fill(fd, data, { from: 0, position: 0 });
  const ids: Buffer[] = [];
  let digest: Buffer = createHash('sha256').digest();
  for (let at = 0; at < length; ) {
    const cut = chunker.cut(data, at, length);
    const chunk = sink.add(data.subarray(at, at + cut), 'data');
    ids.push(chunk.id);
    digest = chunk.digest;
    at += cut;
  }
  if (ids.length > 1) digest = createHash('sha256').update(data.subarray(0, length)).digest();
  return { length, digest, ...placeIds(ids, sink) };
}

function storeStream(fd: number, { chunker, sink }: Parts): StoredContent {
  const window = Buffer.allocUnsafe(WINDOW_BYTES);
  const whole = createHash('sha256');
  const ids: Buffer[] = [];
  let position = 0;
  let filled = 0;
  for (;;) {
    const read = fill(fd, window, { from: filled, position });
    whole.update(window.subarray(filled, filled + read));
    position += read;
    filled += read;
    const is_end = filled < WINDOW_BYTES;
    let at = 0;
    while (at < filled && (is_end || filled - at >= CHUNK_SIZES.max)) {
      const cut = chunker.cut(window, at, filled);
      ids.push(sink.add(Buffer.from(window.subarray(at, at + cut)), 'data').id);
      at += cut;
    }
    if (is_end) break;
    window.copyWithin(0, at, filled);
    filled -= at;
  }
  return { length: position, digest: whole.digest(), ...placeIds(ids, sink) };
}

/** Ids of a large file go into chunks of their own, so that the node that names it stays small. */
function placeIds(ids: readonly Buffer[], sink: ChunkTaker): { is_list: boolean; ids: Buffer } {
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

function isSame(one: BigIntStats, other: BigIntStats): boolean {
  return one.size === other.size && one.mtimeNs === other.mtimeNs && one.ctimeNs === other.ctimeNs;
}
