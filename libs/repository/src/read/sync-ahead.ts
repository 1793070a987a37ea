/** So much is written before the disk is set to work. */
const AHEAD_BYTES = 128 * 1024 * 1024;

/**
 * Has what was written made durable while more is written, one sync at a time: little is left to wait for at the end.
 * A failed sync is kept for `finish`: the system tells of a lost write once only, and the last sync would hear nothing of it.
 */
export class SyncAhead {
  readonly #sync: () => Promise<void>;
  #bytes = 0;
  #under_way: Promise<void> | undefined;
  #failures: unknown[] = [];

  constructor(sync: () => Promise<void>) {
    this.#sync = sync;
  }

  /** So many bytes more were written. */
  wrote(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes < AHEAD_BYTES || this.#under_way !== undefined) return;
    this.#bytes = 0;
    this.#under_way = this.#sync()
      .catch((error: unknown) => void this.#failures.push(error))
      .finally(() => {
        this.#under_way = undefined;
      });
  }

  /** Resolves when all of it is durable; rejects where it, or an earlier part, is not. */
  async finish(): Promise<void> {
    await this.#under_way;
    if (this.#failures.length > 0) throw this.#failures[0];
    await this.#sync();
  }

  /** Resolves when nothing is under way: for a restore that ends early. */
  async abandon(): Promise<void> {
    await this.#under_way;
  }
}
