import type { Engine } from '../engine.ts';
import { isRepositoryError } from '../errors.ts';
import { Slice } from '../slice.ts';
import { eachId } from '../tree/each-chunk.ts';
import { decodeEntry, idsOf } from '../tree/entry-codec.ts';
import { decodeChildRef, type TreeNode } from '../tree/node.ts';
import { ChunkSet } from './chunk-set.ts';

/** Bits of what is known of a chunk. */
export const REACHED = 1;
/** A node of a tree, or a list of ids. */
export const IS_NODE = 2;
/** The newest snapshot of some source reaches it. */
export const IN_NEWEST = 4;
/** A snapshot reaches it, not only a writer that may yet find out that it cannot commit. */
const BY_SNAPSHOT = 8;
/** A node whose children are in the set, or on their way into it. */
const WALKED = 16;

/** All chunks that snapshots and writers need. */
export class Reach {
  readonly chunks = new ChunkSet();
  /** Distinct chunks that snapshots reach: each must be in the index. */
  by_snapshots = 0;
  readonly #engine: Engine;
  readonly #slice = new Slice();

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /**
   * Takes in all that a snapshot reaches; those that are newest come first. Resolves with what could not be read, after
   * all that can be was taken in; rejects where the store fails.
   */
  async addSnapshot(tree: string, options: { is_newest?: boolean } = {}): Promise<unknown[]> {
    const newest = options.is_newest ? IN_NEWEST : 0;
    const done = WALKED | newest;
    return this.#walk(tree, {
      flags: REACHED | BY_SNAPSHOT | newest,
      isDone: (id) => (this.chunks.flagsOf(id) & done) === done,
      setDone: (id) => void this.#add(id, done),
    });
  }

  /**
   * The same for a tree that a writer has announced. What cannot be read it will find missing when it looks at the marks,
   * and store again or give up; so its nodes never count as known to the walks of snapshots.
   */
  async addPending(tree: string): Promise<void> {
    const seen = new Set<string>();
    await this.#walk(tree, {
      flags: REACHED,
      isDone: (id) => (this.chunks.flagsOf(id) & WALKED) !== 0 || seen.has(id.toString('latin1')),
      setDone: (id) => void seen.add(id.toString('latin1')),
    });
  }

  async #walk(tree: string, as: Walk): Promise<unknown[]> {
    const lost: unknown[] = [];
    const waiting: Buffer[] = [Buffer.from(tree, 'hex')];
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const id = next;
      if (as.isDone(id)) continue;
      this.#add(id, as.flags | IS_NODE);
      const node = await this.#orLost(() => this.#engine.nodes.load(id.toString('hex')), lost);
      if (node === undefined) continue;
      as.setDone(id);
      if (node.level > 0) for (const child of childrenOf(node)) waiting.push(child);
      else await this.#addFiles(node, as, lost);
      await this.#slice.rest();
    }
    return lost;
  }

  async #addFiles(leaf: TreeNode, as: Walk, lost: unknown[]): Promise<void> {
    for (const value of leaf.values) {
      const entry = decodeEntry(value);
      const { is_list } = entry;
      for (const id of eachId(idsOf(this.#engine.keys, entry))) {
        this.#add(id, is_list ? as.flags | IS_NODE : as.flags);
        if (!is_list) continue;
        const list = await this.#orLost(() => this.#engine.chunks.read(id), lost);
        for (const inner of eachId(list ?? NOTHING)) this.#add(inner, as.flags);
      }
    }
  }

  #add(id: Buffer, flags: number): void {
    const before = this.chunks.add(id, flags);
    if ((flags & BY_SNAPSHOT) !== 0 && (before & BY_SNAPSHOT) === 0) this.by_snapshots += 1;
  }

  async #orLost<Result>(load: () => Promise<Result>, lost: unknown[]): Promise<Result | undefined> {
    try {
      return await load();
    } catch (error) {
      if (!isRepositoryError(error, 'repo_damaged')) throw error;
      lost.push(error);
      return undefined;
    }
  }
}

interface Walk {
  readonly flags: number;
  readonly isDone: (id: Buffer) => boolean;
  readonly setDone: (id: Buffer) => void;
}

const NOTHING = Buffer.alloc(0);

/** True where snapshots, not only writers, reach a chunk with these flags. */
export function isBySnapshot(flags: number): boolean {
  return (flags & BY_SNAPSHOT) !== 0;
}

function childrenOf(node: TreeNode): Buffer[] {
  return node.values.map((value) => decodeChildRef(value).id).reverse();
}
