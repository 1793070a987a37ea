/** A place in the order of what was asked for, whose turn comes once it is ready and all before it are through. */
export interface Turn {
  is_ready: boolean;
  readonly take: () => void;
}

/** Work that ends in any order, taken over in the order in which it was begun. */
export class InOrder {
  #turns: Turn[] = [];
  #at = 0;

  /** How many wait. */
  get length(): number {
    return this.#turns.length - this.#at;
  }

  /** A turn that is ready later: set `is_ready` and call `advance`. */
  begin(take: () => void): Turn {
    const turn = { is_ready: false, take };
    this.#turns.push(turn);
    return turn;
  }

  /** Takes it now where nothing waits before it. */
  pass(take: () => void): void {
    if (this.length === 0) take();
    else this.#turns.push({ is_ready: true, take });
  }

  /** Takes what is ready at the front. */
  advance(): void {
    for (let turn = this.#turns[this.#at]; turn?.is_ready; turn = this.#turns[this.#at]) {
      this.#at += 1;
      turn.take();
    }
    if (this.#at === this.#turns.length || this.#at >= COMPACT_AT) {
      this.#turns = this.#turns.slice(this.#at);
      this.#at = 0;
    }
  }
}

const COMPACT_AT = 4096;
