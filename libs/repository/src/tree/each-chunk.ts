import { ID_BYTES, type RepositoryKeys } from '../crypto/keys.ts';
import { damaged } from '../errors.ts';
import type { ChunkKind } from '../pack/pack-writer.ts';
import { Slice } from '../slice.ts';
import { childId, type LoadNode } from './cursor.ts';
import { decodeEntry, idsOf } from './entry-codec.ts';

/** What is needed to walk a tree down to the chunks of its files. */
export interface TreeReader {
  readonly keys: RepositoryKeys;
  readonly nodes: { readonly load: LoadNode };
  readonly chunks: { read(id: Buffer): Promise<Buffer> };
}

export interface ReachedChunk {
  /** A view: copy it to keep it. */
  readonly id: Buffer;
  /** Nodes of trees and lists of ids are `node`, the bytes of files are `data`. */
  readonly kind: ChunkKind;
}

/** Every chunk that a tree reaches, its nodes too, some of them more than once. Rejects with `repo_damaged`. */
export async function* eachChunk(reader: TreeReader, tree: string): AsyncGenerator<ReachedChunk> {
  const slice = new Slice();
  const waiting = [tree];
  for (let hex = waiting.pop(); hex !== undefined; hex = waiting.pop()) {
    yield { id: Buffer.from(hex, 'hex'), kind: 'node' };
    const node = await reader.nodes.load(hex);
    // Last child first, so that they come off the stack in order of paths.
    if (node.level > 0) for (let at = node.keys.length - 1; at >= 0; at -= 1) waiting.push(childId(node, at));
    else for (const value of node.values) yield* chunksOfEntry(reader, value);
    await slice.rest();
  }
}

async function* chunksOfEntry(reader: TreeReader, value: Buffer): AsyncGenerator<ReachedChunk> {
  const entry = decodeEntry(value);
  const { is_list } = entry;
  for (const id of eachId(idsOf(reader.keys, entry))) {
    yield { id, kind: is_list ? 'node' : 'data' };
    if (is_list) for (const inner of eachId(await reader.chunks.read(id))) yield { id: inner, kind: 'data' };
  }
}

/** The ids that stand one after the other; throws `repo_damaged` where one is cut short. */
export function* eachId(ids: Buffer): Generator<Buffer> {
  if (ids.length % ID_BYTES !== 0) throw damaged('a list of chunks is cut short');
  for (let at = 0; at < ids.length; at += ID_BYTES) yield ids.subarray(at, at + ID_BYTES);
}
