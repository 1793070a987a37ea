import type { TreeItem } from '../tree/cursor.ts';

/** Goes through the parent's entries beside a walk: both are in order of keys. */
export class ParentCursor {
  readonly #leaves: AsyncIterator<TreeItem[]>;
  readonly #on_passed: (item: TreeItem) => void;
  #leaf: readonly TreeItem[] = [];
  #at = 0;
  #is_done = false;

  /** `on_passed` gets each entry that the walk did not come upon. */
  constructor(leaves: AsyncIterable<TreeItem[]>, on_passed: (item: TreeItem) => void) {
    this.#leaves = leaves[Symbol.asyncIterator]();
    this.#on_passed = on_passed;
  }

  /** Goes on to a key; the parent's entry of that key, if it has one. */
  async advance(key: string): Promise<Buffer | undefined> {
    for (;;) {
      const item = this.#leaf[this.#at];
      if (item === undefined) {
        if (!(await this.#nextLeaf())) return undefined;
      } else if (item.key < key) {
        this.#at += 1;
        this.#on_passed(item);
      } else if (item.key === key) {
        this.#at += 1;
        return item.value;
      } else {
        return undefined;
      }
    }
  }

  /** Passes all that is left. */
  async finish(): Promise<void> {
    do {
      for (const item of this.#leaf.slice(this.#at)) this.#on_passed(item);
    } while (await this.#nextLeaf());
  }

  async #nextLeaf(): Promise<boolean> {
    if (this.#is_done) return false;
    const next = await this.#leaves.next();
    this.#is_done = next.done === true;
    this.#leaf = next.done === true ? [] : next.value;
    this.#at = 0;
    return !this.#is_done;
  }
}
