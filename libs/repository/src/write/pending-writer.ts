import { randomBytes } from 'node:crypto';
import { type Pending, pendingName, sealPending } from '../deletion/pending-object.ts';
import type { Engine } from '../engine.ts';
import { fromStorage } from '../errors.ts';

/** Whose snapshot is going to be written. */
export interface SnapshotOwner {
  readonly host: string;
  readonly source: string;
}

/** The pending objects of one snapshot to come: what they name is not deleted by anybody. */
export class PendingWriter {
  /** Id of the snapshot to come. */
  readonly snapshot_id = randomBytes(16).toString('hex');
  readonly #engine: Engine;
  readonly #owner: SnapshotOwner;
  readonly #names: string[] = [];

  constructor(engine: Engine, owner: SnapshotOwner) {
    this.#engine = engine;
    this.#owner = owner;
  }

  /** Before packs are relied on that nothing reaches yet; it saves work only: a commit looks again. */
  announcePacks(packs: readonly string[]): Promise<void> {
    return this.#put({ tree: null, packs });
  }

  /** Before the look at the marks that allows a commit: all that the tree reaches is needed from now on. */
  announceTree(tree: string, packs: readonly string[]): Promise<void> {
    return this.#put({ tree, packs });
  }

  /** Once the snapshot stands, or is given up. One that stays behind keeps packs for a while and harms nothing. */
  async clear(): Promise<void> {
    try {
      for (const name of this.#names.splice(0)) await this.#engine.store.delete(name);
    } catch (error) {
      throw fromStorage(error);
    }
  }

  async #put(what: Pick<Pending, 'tree'> & { packs: readonly string[] }): Promise<void> {
    const name = pendingName(this.snapshot_id, this.#names.length);
    this.#names.push(name);
    const pending: Pending = {
      version: 1,
      ...this.#owner,
      time_ms: this.#engine.now_ms(),
      tree: what.tree,
      packs: [...what.packs],
    };
    try {
      await this.#engine.store.put(name, sealPending(this.#engine.keys, name, pending));
    } catch (error) {
      throw fromStorage(error);
    }
  }
}
