import { chunkId, sha256 } from '../crypto/keys.ts';
import { openBlock } from '../pack/pack-reader.ts';
import { releaseMemory } from '../release-memory.ts';
import { asBuffer, asKeys } from '../threads/keys-over-threads.ts';
import type { CopyBlock } from '../threads/messages.ts';
import type { ChunkSink } from '../write/chunk-sink.ts';

/**
 * Decodes a block of one repository once and puts what is wanted of it into the packs of another, each chunk verified by
 * its id. Synchronous. The places in the list of those that could not be had.
 */
export function copyBlock(task: CopyBlock, sink: ChunkSink): number[] {
  const keys = asKeys(task.keys);
  const sealed = asBuffer(task.sealed);
  const { codec, raw_length, block: number } = task;
  let raw: Buffer;
  try {
    const block = { offset: 0, sealed_length: sealed.length, raw_length, codec, number, sealed };
    raw = openBlock(keys, { id: task.pack, header: asBuffer(task.pack_header) }, block);
  } catch {
    // The caller looks for other copies of each, and tells the reason where there is none.
    return [...task.pieces.keys()];
  }
  try {
    return addPieces(task, raw, sink);
  } finally {
    // The writer keeps copies; the collector would let these pile up.
    releaseMemory(raw);
    releaseMemory(sealed);
  }
}

function addPieces(task: CopyBlock, raw: Buffer, sink: ChunkSink): number[] {
  const keys = asKeys(task.keys);
  const failed: number[] = [];
  for (const [index, piece] of task.pieces.entries()) {
    const data = raw.subarray(piece.offset, piece.offset + piece.length);
    if (chunkId(keys, sha256(data)).equals(piece.id)) sink.add(data, piece.kind);
    else failed.push(index);
  }
  return failed;
}
