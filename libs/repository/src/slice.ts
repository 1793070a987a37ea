const SLICE_MS = 6;

/** Lets others have the event loop: long synchronous work calls `rest()` often, and it gives way when it is time. */
export class Slice {
  #since = performance.now();

  /** Undefined (nothing to wait for) until the slice is used up. */
  rest(): Promise<void> | undefined {
    if (performance.now() - this.#since < SLICE_MS) return undefined;
    return new Promise((resolve) => {
      setImmediate(() => {
        this.#since = performance.now();
        resolve();
      });
    });
  }
}
