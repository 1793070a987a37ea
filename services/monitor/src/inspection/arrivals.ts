import type { Arrival } from '../domain/file-inventory/same-file.ts';

const KEPT_MS = 5_000;

/** Files that came into being in the last seconds, by checksum: the other half of a move may be among them. */
export class Arrivals {
  readonly #byChecksum = new Map<string, Arrival[]>();
  readonly #inOrder: Arrival[] = [];

  add(arrival: Arrival, now_ms: number): void {
    for (let [oldest] = this.#inOrder; oldest !== undefined; [oldest] = this.#inOrder) {
      if (now_ms - oldest.appeared_at_ms < KEPT_MS) break;
      this.#inOrder.shift();
      this.take(oldest);
    }
    this.#inOrder.push(arrival);
    const { checksum } = arrival.facts;
    this.#byChecksum.set(checksum, [...(this.#byChecksum.get(checksum) ?? []), arrival]);
  }

  of(checksum: string): readonly Arrival[] {
    return this.#byChecksum.get(checksum) ?? [];
  }

  /** Each answers for one deletion. */
  take(arrival: Arrival): void {
    const { checksum } = arrival.facts;
    const left = this.of(checksum).filter((other) => other !== arrival);
    if (left.length === 0) this.#byChecksum.delete(checksum);
    else this.#byChecksum.set(checksum, [...left]);
  }
}
