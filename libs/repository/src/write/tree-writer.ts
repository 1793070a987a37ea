import type { Engine } from '../engine.ts';
import { type Edits, editTree, type TreeStore } from '../tree/edit.ts';
import { type ChildRef, createBoundary, encodeNode, type TreeNode } from '../tree/node.ts';
import { TreeBuilder } from '../tree/tree-builder.ts';
import type { ChunkSink } from './chunk-sink.ts';

const EDITS_MAX = 1024;
const UNSTORED_MAX = 4096;

/**
 * Makes the tree of a snapshot while a backup goes on: a first one from its entries in order, a later one by edits of
 * its parent's. Memory holds some edits and new nodes, never the whole tree.
 */
export class TreeWriter {
  #root: ChildRef | undefined;
  readonly #engine: Engine;
  readonly #sink: ChunkSink;
  readonly #store: TreeStore;
  readonly #builder: TreeBuilder | undefined;
  /** New nodes that the index may not know yet. */
  readonly #unstored = new Map<string, TreeNode>();
  readonly #edits = new Map<string, Buffer | undefined>();
  #flushing: Promise<void> = Promise.resolve();

  constructor(engine: Engine, sink: ChunkSink, root: ChildRef | undefined) {
    this.#engine = engine;
    this.#sink = sink;
    this.#root = root;
    this.#store = {
      boundary: createBoundary(engine.keys.tree_seed),
      load: async (id) => this.#unstored.get(id) ?? engine.nodes.load(id),
      save: (node) => this.#save(node),
    };
    const save = (node: TreeNode) => sink.add(encodeNode(node), 'node').id;
    this.#builder = root === undefined ? new TreeBuilder(this.#store.boundary, save) : undefined;
  }

  /** A new value for a key, or undefined to take it out. Where there is no parent: in order of keys. */
  edit(key: string, value: Buffer | undefined): void {
    if (this.#builder === undefined) this.#edits.set(key, value);
    else if (value !== undefined) this.#builder.add(key, value);
  }

  /** Works off edits once there are many; `checkpoint` makes all chunks of the sink durable and indexed. */
  async settle(checkpoint: () => Promise<void>): Promise<void> {
    if (this.#edits.size >= EDITS_MAX) await this.#flush();
    if (this.#unstored.size >= UNSTORED_MAX) {
      this.#sink.flush();
      await checkpoint();
      this.#unstored.clear();
    }
  }

  /** The tree with all edits. */
  async finish(): Promise<ChildRef> {
    if (this.#builder !== undefined) return this.#builder.finish();
    await this.#flush();
    return this.#root as ChildRef;
  }

  #flush(): Promise<void> {
    this.#flushing = this.#flushing.then(async () => {
      while (this.#edits.size > 0) this.#root = await editTree(this.#store, this.#root, this.#takeEdits());
    });
    return this.#flushing;
  }

  /** What one edit of the tree holds in memory grows with them: not all at once. */
  #takeEdits(): Edits {
    const edits = [...Iterator.from(this.#edits).take(EDITS_MAX)];
    for (const [key] of edits) this.#edits.delete(key);
    return new Map(edits);
  }

  #save(node: TreeNode): Buffer {
    const data = encodeNode(node);
    const { id } = this.#sink.add(data, 'node');
    const hex = id.toString('hex');
    this.#unstored.set(hex, node);
    this.#engine.nodes.add(hex, node, data.length);
    return id;
  }
}
