import { chunkId, type RepositoryKeys, sha256 } from '../crypto/keys.ts';
import { damaged, isRepositoryError, reasonOf } from '../errors.ts';
import type { FileMetadata } from '../metadata.ts';
import { openBlock } from '../pack/pack-reader.ts';
import { releaseMemory } from '../release-memory.ts';
import { asBuffer, asKeys } from '../threads/keys-over-threads.ts';
import type {
  PackedMetadata,
  PieceProblem,
  WriteBlock,
  WriteBlocks,
  WritePiece,
} from '../threads/messages.ts';
import { decodeXattrs } from '../tree/xattr-codec.ts';
import { HeldFolders } from './held-folders.ts';
import { writeData, writeFully, writeWhole } from './output-file.ts';

const EXPECTED_BYTES = 32;

/** Decodes blocks and writes all that is wanted of them. Synchronous. Gives what did not go well. */
export function writeBlocks(task: WriteBlocks): PieceProblem[] {
  const keys = asKeys(task.keys);
  const expected = asBuffer(task.expected);
  const problems: PieceProblem[] = [];
  using folders = new HeldFolders();
  let piece = 0;
  for (const block of task.blocks) {
    const raw = tryOpen(task, keys, block);
    for (const wanted of block.pieces) {
      const bytes = expected.subarray(piece * EXPECTED_BYTES, (piece + 1) * EXPECTED_BYTES);
      const problem = tryPiece(raw, wanted, { keys, expected: bytes, folders });
      if (problem !== undefined) problems.push({ piece, ...problem });
      piece += 1;
    }
    if (!Error.isError(raw)) releaseMemory(raw);
  }
  return problems;
}

function tryOpen(task: WriteBlocks, keys: RepositoryKeys, block: WriteBlock): Buffer | Error {
  try {
    const { number, codec, raw_length, sealed_length, at } = block;
    const sealed = asBuffer(task.sealed).subarray(at, at + sealed_length);
    const pack = { id: task.pack, header: asBuffer(task.pack_header) };
    return openBlock(keys, pack, { offset: 0, sealed_length, raw_length, codec, number, sealed });
  } catch (error) {
    return Error.isError(error) ? error : new Error(String(error));
  }
}

function tryPiece(
  raw: Buffer | Error,
  piece: WritePiece,
  check: { keys: RepositoryKeys; expected: Buffer; folders: HeldFolders },
): Omit<PieceProblem, 'piece'> | undefined {
  try {
    if (Error.isError(raw)) throw raw;
    const data = raw.subarray(piece.offset, piece.offset + piece.length);
    const digest = sha256(data);
    const is_whole = 'name' in piece.to;
    if (!(is_whole ? digest : chunkId(check.keys, digest)).equals(check.expected)) {
      throw damaged('a chunk is not what was stored');
    }
    const notes = writePiece(piece, data, check.folders);
    return notes.length === 0 ? undefined : { notes };
  } catch (error) {
    return { failure: { reason: reasonOf(error), is_damage: isRepositoryError(error, 'repo_damaged') } };
  }
}

/** Writes one piece; a file that it is the whole of is made and finished. Gives what could not be set. */
export function writePiece(
  { to, is_sparse }: Pick<WritePiece, 'to' | 'is_sparse'>,
  data: Buffer,
  folders: HeldFolders,
): string[] {
  if ('name' in to)
    return writeWhole(to, data, { metadata: unpackMetadata(to.metadata), is_sparse, folders });
  if (is_sparse) writeData(to.fd, data, to.position);
  else writeFully(to.fd, data, to.position);
  return [];
}

/** Metadata as it came from another thread. */
export function unpackMetadata(packed: PackedMetadata): FileMetadata {
  const { packed_xattrs, ...metadata } = packed;
  return packed_xattrs === undefined
    ? metadata
    : { ...metadata, xattrs: decodeXattrs(asBuffer(packed_xattrs)) };
}
