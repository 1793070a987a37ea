import { totalsOfEntry } from './entry-codec.ts';
import { type Boundary, type ChildRef, encodeChildRef, type TreeNode } from './node.ts';

interface OpenNode {
  keys: string[];
  values: Buffer[];
  files: number;
  bytes: number;
}

/**
 * The tree of entries that come in order of their keys: the very one that `editTree` gives, without ever reading a
 * node back. Memory holds one open node a level.
 */
export class TreeBuilder {
  readonly #boundary: Boundary;
  readonly #save: (node: TreeNode) => Buffer;
  readonly #open: OpenNode[] = [];
  /** The one finished node of a level; undefined once there are more. */
  readonly #only: (ChildRef | undefined)[] = [];

  constructor(boundary: Boundary, save: (node: TreeNode) => Buffer) {
    this.#boundary = boundary;
    this.#save = save;
  }

  /** The next entry. */
  add(key: string, value: Buffer): void {
    const { files, bytes } = totalsOfEntry(value);
    this.#addTo(0, { key, value, files, bytes });
  }

  /** The root: the lowest node that holds all. */
  finish(): ChildRef {
    if (this.#open.length === 0) {
      return { id: this.#save({ level: 0, keys: [], values: [] }), files: 0, bytes: 0 };
    }
    for (let level = 0; ; level += 1) {
      this.#close(level);
      const only = this.#only[level];
      if (only !== undefined) return only;
    }
  }

  #addTo(level: number, item: { key: string; value: Buffer; files: number; bytes: number }): void {
    if (this.#open[level] !== undefined && this.#boundary(item.key, level)) this.#close(level);
    const node = this.#open[level] ?? { keys: [], values: [], files: 0, bytes: 0 };
    this.#open[level] = node;
    node.keys.push(item.key);
    node.values.push(item.value);
    node.files += item.files;
    node.bytes += item.bytes;
  }

  #close(level: number): void {
    const node = this.#open[level] as OpenNode;
    delete this.#open[level];
    const { keys, values, files, bytes } = node;
    const ref = { id: this.#save({ level, keys, values }), files, bytes };
    this.#only[level] = level in this.#only ? undefined : ref;
    this.#addTo(level + 1, { key: keys[0] as string, value: encodeChildRef(ref), files, bytes });
  }
}
