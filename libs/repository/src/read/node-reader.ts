import { Lru } from '../lru.ts';
import { decodeNode, type TreeNode } from '../tree/node.ts';
import type { ChunkReader } from './chunk-reader.ts';

const CACHE_BYTES = 48 * 1024 * 1024;
/** A decoded node takes about so many times its bytes. */
const DECODED_FACTOR = 4;

/** Reads nodes of trees; those that were used last are kept decoded: looking up a path is then a matter of microseconds. */
export class NodeReader {
  readonly #chunks: ChunkReader;
  readonly #nodes = new Lru<TreeNode>(CACHE_BYTES);

  constructor(chunks: ChunkReader) {
    this.#chunks = chunks;
  }

  /** By the hex id of its chunk; rejects with `repo_damaged`. */
  readonly load = async (id: string): Promise<TreeNode> => {
    const cached = this.#nodes.get(id);
    if (cached !== undefined) return cached;
    return this.decode(id, await this.#chunks.read(Buffer.from(id, 'hex')));
  };

  /** The node that the bytes of its chunk are; kept like one that was read. Throws `repo_damaged`. */
  decode(id: string, chunk: Buffer): TreeNode {
    // A copy: values are views into it, and must not keep a whole block alive.
    const data = Buffer.from(chunk);
    const node = decodeNode(data);
    this.add(id, node, data.length);
    return node;
  }

  /** Takes over a node that was just written. */
  add(id: string, node: TreeNode, bytes: number): void {
    this.#nodes.set(id, node, bytes * DECODED_FACTOR);
  }
}
