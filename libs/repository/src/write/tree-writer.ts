import type { Engine } from '../engine.ts';
import { type Edits, editTree, type TreeStore } from '../tree/edit.ts';
import { type ChildRef, createBoundary, encodeNode, type TreeNode } from '../tree/node.ts';
import type { ChunkSink } from './chunk-sink.ts';

const EDITS_MAX = 1024;
const UNSTORED_MAX = 4096;

/** Edits the tree of a snapshot while a backup goes on: memory holds some edits and new nodes, never the whole tree. */
export class TreeWriter {
  #root: ChildRef | undefined;
  readonly #engine: Engine;
  readonly #sink: ChunkSink;
  readonly #store: TreeStore;
  /** New nodes that the index may not know yet. */
  readonly #unstored = new Map<string, TreeNode>();
  #edits = new Map<string, Buffer | undefined>();
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
  }

  /** A new value for a key, or undefined to take it out. */
  edit(key: string, value: Buffer | undefined): void {
    this.#edits.set(key, value);
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
    await this.#flush();
    this.#root ??= await editTree(this.#store, undefined, new Map());
    return this.#root;
  }

  #flush(): Promise<void> {
    this.#flushing = this.#flushing.then(async () => {
      const edits: Edits = this.#edits;
      this.#edits = new Map();
      if (edits.size > 0) this.#root = await editTree(this.#store, this.#root, edits);
    });
    return this.#flushing;
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
