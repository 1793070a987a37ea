/** The `failed` of a service that is being started, and how its parts say that they cannot go on. */
export interface Failure {
  /** Rejects with the first failure; never resolves. Left alone, it is no unhandled rejection. */
  readonly failed: Promise<never>;
  readonly fail: (error: unknown) => void;
}

/** Made before the parts, so that each can be given `fail`. */
export function createFailure(): Failure {
  const { promise, reject } = Promise.withResolvers<never>();
  // Whoever runs the service races with it, and may come to that only later.
  promise.catch(() => undefined);
  return { failed: promise, fail: reject };
}
