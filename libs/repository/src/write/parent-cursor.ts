import type { TreeItem } from '../tree/cursor.ts';

/** Goes through the parent's entries beside a walk: both are in order of keys. */
export class ParentCursor {
  readonly #leaves: AsyncIterator<TreeItem[]>;
  readonly #on_passed: (item: TreeItem) => void;
  readonly #room: () => Promise<void>;
  #leaf: readonly TreeItem[] = [];
  #at = 0;
  #last_key: string | undefined;
  #is_done = false;

  /** `on_passed` gets each entry that the walk did not come upon; `room` is awaited before each leaf that is loaded. */
  constructor(
    leaves: AsyncIterable<TreeItem[]>,
    told: { on_passed: (item: TreeItem) => void; room: () => Promise<void> },
  ) {
    this.#leaves = leaves[Symbol.asyncIterator]();
    this.#on_passed = told.on_passed;
    this.#room = told.room;
  }

  /** True where the leaf in hand tells of this key: `take` may be called. */
  reaches(key: string): boolean {
    return this.#is_done || (this.#last_key !== undefined && this.#last_key >= key);
  }

  /** Loads leaves until one reaches a key. */
  async load(key: string): Promise<void> {
    while (!this.reaches(key)) {
      this.#passRest();
      await this.#nextLeaf();
    }
  }

  /** Goes on to a key that is reached; the parent's entry of that key, if it has one. */
  take(key: string): Buffer | undefined {
    for (let item = this.#leaf[this.#at]; item !== undefined; item = this.#leaf[this.#at]) {
      if (item.key > key) return undefined;
      this.#at += 1;
      if (item.key === key) return item.value;
      this.#on_passed(item);
    }
    return undefined;
  }

  /** Passes all that is left. */
  async finish(): Promise<void> {
    do this.#passRest();
    while (await this.#nextLeaf());
  }

  #passRest(): void {
    for (const item of this.#leaf.slice(this.#at)) this.#on_passed(item);
    this.#leaf = [];
  }

  async #nextLeaf(): Promise<boolean> {
    if (this.#is_done) return false;
    await this.#room();
    const next = await this.#leaves.next();
    this.#is_done = next.done === true;
    this.#leaf = next.done === true ? [] : next.value;
    this.#last_key = this.#leaf.at(-1)?.key;
    this.#at = 0;
    return !this.#is_done;
  }
}
