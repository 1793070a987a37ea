/** Work that goes on side by side, so much at once and no more. What fails is told to whoever begins or waits next. */
export class UnderWay {
  readonly #running = new Set<Promise<void>>();
  #failure: { error: unknown } | undefined;

  /** Begins it as soon as less than `limit` is going on; resolves then. */
  async begin(limit: number, work: () => Promise<void>): Promise<void> {
    while (this.#running.size >= limit) await Promise.race(this.#running);
    this.#throwFailure();
    const running: Promise<void> = work()
      .catch((error: unknown) => {
        this.#failure ??= { error };
      })
      .finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  /** Resolves when all that was begun is done. */
  async settled(): Promise<void> {
    await Promise.all(this.#running);
    this.#throwFailure();
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}
