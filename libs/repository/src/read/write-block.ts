import { chunkId, type RepositoryKeys, sha256 } from '../crypto/keys.ts';
import { damaged, reasonOf } from '../errors.ts';
import { applyMetadata } from '../metadata.ts';
import { openBlock } from '../pack/pack-reader.ts';
import { asBuffer, asKeys } from '../threads/keys-over-threads.ts';
import type { FailedPiece, WriteBlock, WritePiece } from '../threads/messages.ts';
import { makeFile, writeAt } from './output-file.ts';

/** Decodes a block once and writes all that is wanted of it. Synchronous. Gives the pieces that failed. */
export function writeBlock(task: WriteBlock): FailedPiece[] {
  const keys = asKeys(task.keys);
  let raw: Buffer;
  try {
    const sealed = asBuffer(task.sealed);
    const { codec, raw_length } = task;
    const block = { offset: 0, sealed_length: sealed.length, raw_length, codec, number: task.block, sealed };
    raw = openBlock(keys, { id: task.pack, header: asBuffer(task.pack_header) }, block);
  } catch (error) {
    return task.pieces.map((_, piece) => ({ piece, reason: reasonOf(error) }));
  }
  return writePieces(keys, raw, task.pieces);
}

function writePieces(keys: RepositoryKeys, raw: Buffer, pieces: readonly WritePiece[]): FailedPiece[] {
  const failed: FailedPiece[] = [];
  for (const [index, piece] of pieces.entries()) {
    try {
      const data = raw.subarray(piece.offset, piece.offset + piece.length);
      if (!chunkId(keys, sha256(data)).equals(piece.id)) throw damaged('a chunk is not what its id says');
      writePiece(piece, data);
    } catch (error) {
      failed.push({ piece: index, reason: reasonOf(error) });
    }
  }
  return failed;
}

/** Writes one piece; a file that it is the whole of is made and finished. */
export function writePiece(piece: WritePiece, data: Buffer): void {
  if (piece.whole === undefined) {
    writeAt(piece.path, data, piece.position);
    return;
  }
  makeFile(piece.path, data);
  applyMetadata(piece.path, piece.whole);
}
