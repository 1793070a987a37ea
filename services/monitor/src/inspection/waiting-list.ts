import type { Clock } from '@holdfast/runtime/clock';

/** A path that waits for its time to be judged. */
export interface Waiting {
  readonly path: string;
  /** When it began to wait: what is put off again and again keeps it. */
  readonly first_ms: number;
  /** The last sign that something happens to it. */
  readonly last_ms: number;
  readonly due_ms: number;
}

/** Paths by the time they fall due. Adding a path again replaces what waited. */
export class WaitingList<Entry extends Waiting> {
  readonly #entries = new Map<string, Entry>();
  readonly #clock: Clock;
  readonly #onDue: () => void;
  #cancel: (() => void) | undefined;
  #armed_ms = Number.POSITIVE_INFINITY;

  /** `onDue` is called when the first entries are due, and again for later ones. */
  constructor(clock: Clock, onDue: () => void) {
    this.#clock = clock;
    this.#onDue = onDue;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(path: string): Entry | undefined {
    return this.#entries.get(path);
  }

  values(): Iterable<Entry> {
    return this.#entries.values();
  }

  set(entry: Entry): void {
    this.#entries.set(entry.path, entry);
    this.#arm(entry.due_ms);
  }

  delete(path: string): boolean {
    return this.#entries.delete(path);
  }

  /** Takes out at most `limit` entries that are due. */
  takeDue(limit: number): Entry[] {
    const now_ms = this.#clock.now_ms();
    const due: Entry[] = [];
    let next_ms = Number.POSITIVE_INFINITY;
    for (const entry of this.#entries.values()) {
      if (entry.due_ms > now_ms || due.length >= limit) next_ms = Math.min(next_ms, entry.due_ms);
      else due.push(entry);
    }
    for (const { path } of due) this.#entries.delete(path);
    this.#disarm();
    if (next_ms < Number.POSITIVE_INFINITY) this.#arm(next_ms);
    return due;
  }

  clear(): void {
    this.#entries.clear();
    this.#disarm();
  }

  #arm(due_ms: number) {
    if (due_ms >= this.#armed_ms) return;
    this.#cancel?.();
    this.#armed_ms = due_ms;
    this.#cancel = this.#clock.after(Math.max(0, due_ms - this.#clock.now_ms()), () => {
      this.#disarm();
      this.#onDue();
    });
  }

  #disarm() {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#armed_ms = Number.POSITIVE_INFINITY;
  }
}
