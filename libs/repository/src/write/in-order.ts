/** A place in the order of what was begun. It is taken once it has a `take` and all before it are through. */
export interface Turn {
  take: (() => void) | undefined;
}

const COMPACT_AT = 4096;

/** Work that ends in any order, taken over in the order in which it was begun. */
export class InOrder {
  #turns: (Turn | undefined)[] = [];
  #at = 0;

  /** How many wait. */
  get length(): number {
    return this.#turns.length - this.#at;
  }

  /** A turn that is ready later: give it its `take` and call `advance`. */
  begin(): Turn {
    const turn: Turn = { take: undefined };
    this.#turns.push(turn);
    return turn;
  }

  /** Takes it now where nothing waits before it. */
  pass(take: () => void): void {
    if (this.length === 0) take();
    else this.#turns.push({ take });
  }

  /** Takes what is ready at the front. */
  advance(): void {
    for (let turn = this.#turns[this.#at]; turn?.take !== undefined; turn = this.#turns[this.#at]) {
      this.#turns[this.#at] = undefined;
      this.#at += 1;
      turn.take();
    }
    if (this.#at === this.#turns.length || this.#at >= COMPACT_AT) {
      this.#turns = this.#turns.slice(this.#at);
      this.#at = 0;
    }
  }
}
