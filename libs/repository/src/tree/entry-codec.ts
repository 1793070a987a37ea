import type { Entry, EntryKind } from '../api.ts';
import { ByteReader, ByteWriter } from '../bytes.ts';
import { chunkId, ID_BYTES, type RepositoryKeys } from '../crypto/keys.ts';
import { damaged, RepositoryError } from '../errors.ts';
import { bytesToPath, keyToPath } from '../paths.ts';
import type { Totals } from './node.ts';
import { decodeXattrs } from './xattr-codec.ts';

const KINDS: readonly EntryKind[] = ['file', 'directory', 'symlink'];
const NS_PER_SECOND = 1_000_000_000n;
const DIGEST_BYTES = 32;
const NO_BYTES = Buffer.alloc(0);
/** What the ids in a file's entry are. After `single` none follow. */
const LIST_FLAG = { chunks: 0, lists: 1, single: 2 } as const;
/** Of the head of an entry: size, mode, uid, gid; then the mtime. */
const HEAD_VARINTS = 4;
const MTIME_BYTES = 12;

/** A file with more chunks than this keeps their ids in list chunks, so that its node stays small. */
export const CHUNKS_INLINE_MAX = 256;

/** Extra fields of an entry, each a tag, a length and bytes. Readers refuse tags below 128 that they do not know. */
const TAG = { target: 1, link_group: 2, xattrs: 128, sparse: 129 } as const;
const OPTIONAL_TAGS_FROM = 128;

/** An entry as the tree holds it: without its path, ids as bytes. */
export interface StoredEntry {
  readonly kind: EntryKind;
  readonly size: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtime_ns: bigint;
  /** SHA-256 of a file's bytes; empty for others. */
  readonly digest: Buffer;
  /** True: `ids` names chunks that hold the ids. */
  readonly is_list: boolean;
  /** Ids of chunks, one after the other; undefined: a file of one chunk, whose id follows from the digest. See `idsOf`. */
  readonly ids: Buffer | undefined;
  /** Target of a symlink, the bytes. */
  readonly target?: Buffer;
  readonly link_group?: string;
  /** Extended attributes, encoded; only where there are some. */
  readonly xattrs?: Buffer;
  readonly sparse?: true;
}

/** What a writer knows of an entry: as StoredEntry, with the time in two numbers. */
export type NewEntry = EntryHead & Omit<StoredEntry, keyof EntryHead | 'mtime_ns'>;

/** What an encoded entry begins with: nearly all that `stat` says. */
export interface EntryHead {
  readonly kind: EntryKind;
  readonly size: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Rounded down: times before 1970 keep a positive rest. */
  readonly mtime_seconds: number;
  readonly mtime_rest_ns: number;
}

/** An entry as the value of a tree node; its key is the path. */
export function encodeEntry(entry: StoredEntry): Buffer {
  const seconds = floorDivide(entry.mtime_ns);
  const time = {
    mtime_seconds: Number(seconds),
    mtime_rest_ns: Number(entry.mtime_ns - seconds * NS_PER_SECOND),
  };
  const writer = new ByteWriter(160);
  writeEntry(writer, { ...entry, ...time });
  return writer.finish();
}

/** Appends an encoded entry. */
export function writeEntry(writer: ByteWriter, entry: NewEntry): void {
  writeHead(writer, entry);
  if (entry.kind === 'file') {
    const { digest, ids, is_list } = entry;
    writer.raw(digest);
    if (ids === undefined) writer.u8(LIST_FLAG.single);
    else {
      const flag = is_list ? LIST_FLAG.lists : LIST_FLAG.chunks;
      writer
        .u8(flag)
        .varint(ids.length / ID_BYTES)
        .raw(ids);
    }
  }
  const extras = extrasOf(entry);
  writer.varint(extras.length);
  for (const [tag, bytes] of extras) writer.varint(tag).bytes(bytes);
}

const head_of_now = new ByteWriter(64);

/** The digest in an encoded entry of a file, a view; undefined where the entry begins otherwise than this head. */
export function digestUnlessChanged(value: Buffer, head: EntryHead): Buffer | undefined {
  writeHead(head_of_now.reset(), head);
  const { length } = head_of_now;
  const is_same = value.length > length && value.compare(head_of_now.view(), 0, length, 0, length) === 0;
  return is_same ? value.subarray(length, length + DIGEST_BYTES) : undefined;
}

function writeHead(writer: ByteWriter, head: EntryHead): void {
  writer
    .u8(KINDS.indexOf(head.kind))
    .varint(head.size)
    .varint(head.mode)
    .varint(head.uid)
    .varint(head.gid)
    .i64(head.mtime_seconds)
    .u32(head.mtime_rest_ns);
}

function extrasOf(entry: NewEntry): [number, Uint8Array][] {
  const extras: [number, Uint8Array][] = [];
  if (entry.target !== undefined) extras.push([TAG.target, entry.target]);
  if (entry.link_group !== undefined) extras.push([TAG.link_group, Buffer.from(entry.link_group, 'latin1')]);
  if (entry.xattrs !== undefined) extras.push([TAG.xattrs, entry.xattrs]);
  if (entry.sparse) extras.push([TAG.sparse, NO_BYTES]);
  return extras;
}

/** Throws `repo_damaged` for bytes that are no entry, `repo_unsupported` for fields that must be understood. */
export function decodeEntry(value: Buffer): StoredEntry {
  try {
    return readEntry(new ByteReader(value));
  } catch (error) {
    if (Error.isError(error) && error.name === 'RepositoryError') throw error;
    throw damaged('an entry of the tree does not decode', error);
  }
}

/** The ids that an entry names, one after the other: of its chunks, or of its lists. */
export function idsOf(keys: RepositoryKeys, entry: Pick<StoredEntry, 'digest' | 'ids'>): Buffer {
  return entry.ids ?? chunkId(keys, entry.digest);
}

/**
 * True where two encoded entries say the same, though one of them may write out the id of its only chunk, as entries did
 * once: a file did not change because of that.
 */
export function isSameEntry(keys: RepositoryKeys, one: Buffer, other: Buffer): boolean {
  if (one.length === other.length) return one.equals(other);
  const [short, long] = one.length < other.length ? [one, other] : [other, one];
  const is_file = KINDS[short[0] as number] === 'file';
  if (!is_file || long.length - short.length !== 1 + ID_BYTES) return false;
  const at = listFlagPosition(short);
  if (short[at] !== LIST_FLAG.single) return false;
  const written_out = Buffer.concat([
    short.subarray(0, at),
    Buffer.from([LIST_FLAG.chunks, 1]),
    chunkId(keys, short.subarray(at - DIGEST_BYTES, at)),
    short.subarray(at + 1),
  ]);
  return written_out.equals(long);
}

/** Where the list flag stands in an encoded entry of a file. */
function listFlagPosition(value: Buffer): number {
  const reader = new ByteReader(value);
  reader.u8();
  for (let field = 0; field < HEAD_VARINTS; field += 1) reader.varint();
  return value.length - reader.left + MTIME_BYTES + DIGEST_BYTES;
}

/** What an encoded entry adds to the totals of its node. */
export function totalsOfEntry(value: Buffer): Totals {
  return value[0] === 0 ? { files: 1, bytes: sizeOfEntry(value) } : { files: 0, bytes: 0 };
}

/** Size in an encoded entry. */
export function sizeOfEntry(value: Buffer): number {
  const reader = new ByteReader(value);
  reader.u8();
  return reader.varint();
}

/** The entry that callers see; `ids` are those of its chunks (of the lists' content, where it has lists). */
export function toEntry(key: string, stored: StoredEntry, ids: Buffer): Entry {
  return {
    path: keyToPath(key),
    kind: stored.kind,
    size: stored.size,
    mode: stored.mode,
    uid: stored.uid,
    gid: stored.gid,
    mtime_ns: stored.mtime_ns,
    checksum: stored.kind === 'file' ? `sha256:${stored.digest.toString('hex')}` : '',
    chunks: splitIds(ids),
    ...(stored.target !== undefined && { target: bytesToPath(stored.target) }),
    ...(stored.link_group !== undefined && { link_group: stored.link_group }),
    ...(stored.xattrs !== undefined && { xattrs: decodeXattrs(stored.xattrs) }),
    ...(stored.sparse && { sparse: true }),
  };
}

/** Hex ids of ids that stand one after the other. */
function splitIds(ids: Buffer): string[] {
  return Array.from({ length: ids.length / ID_BYTES }, (_, index) =>
    ids.toString('hex', index * ID_BYTES, (index + 1) * ID_BYTES),
  );
}

function readEntry(reader: ByteReader): StoredEntry {
  const kind = KINDS[reader.u8()];
  if (kind === undefined)
    throw new RepositoryError('repo_unsupported', 'an entry of a kind that is not known');
  const [size, mode, uid, gid] = [reader.varint(), reader.varint(), reader.varint(), reader.varint()];
  const mtime_ns = reader.i64() * NS_PER_SECOND + BigInt(reader.u32());
  const is_file = kind === 'file';
  const digest = reader.raw(is_file ? DIGEST_BYTES : 0);
  const content = is_file ? readIds(reader) : { is_list: false, ids: NO_BYTES };
  const extras = readExtras(reader);
  return { kind, size, mode, uid, gid, mtime_ns, digest, ...content, ...extras };
}

function readIds(reader: ByteReader): Pick<StoredEntry, 'is_list' | 'ids'> {
  const flag = reader.u8();
  if (flag === LIST_FLAG.single) return { is_list: false, ids: undefined };
  if (flag !== LIST_FLAG.chunks && flag !== LIST_FLAG.lists) {
    throw new RepositoryError(
      'repo_unsupported',
      `an entry names its chunks in a way that is not known (${flag})`,
    );
  }
  return { is_list: flag === LIST_FLAG.lists, ids: reader.raw(reader.varint() * ID_BYTES) };
}

interface Extras {
  target?: Buffer;
  link_group?: string;
  xattrs?: Buffer;
  sparse?: true;
}

function readExtras(reader: ByteReader): Extras {
  const extras: Extras = {};
  for (let left = reader.varint(); left > 0; left -= 1) {
    const tag = reader.varint();
    const bytes = reader.bytes();
    if (tag === TAG.target) extras.target = bytes;
    else if (tag === TAG.link_group) extras.link_group = bytes.toString('latin1');
    else if (tag === TAG.xattrs) extras.xattrs = bytes;
    else if (tag === TAG.sparse) extras.sparse = true;
    else if (tag < OPTIONAL_TAGS_FROM) {
      throw new RepositoryError('repo_unsupported', `an entry has a field that is not known (${tag})`);
    }
  }
  return extras;
}

/** Whole seconds, rounded down: times before 1970 keep a positive rest. */
function floorDivide(ns: bigint): bigint {
  const quotient = ns / NS_PER_SECOND;
  return ns < 0n && quotient * NS_PER_SECOND !== ns ? quotient - 1n : quotient;
}
