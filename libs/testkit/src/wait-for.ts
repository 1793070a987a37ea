import { setTimeout as pause } from 'node:timers/promises';

const LOOK_EVERY_MS = 5;

/**
 * Looks again and again until `check` returns something other than undefined and false, and resolves with it. A check
 * that throws is looked at again too; at the end of the time its last error (or "still …") is the reason.
 */
export async function eventually<Result>(
  check: () => Result | undefined | false | Promise<Result | undefined | false>,
  options: { timeout_ms?: number; every_ms?: number; what?: string } = {},
): Promise<Result> {
  const timeout_ms = options.timeout_ms ?? 10_000;
  const end = performance.now() + timeout_ms;
  let cause: unknown;
  for (;;) {
    try {
      const result = await check();
      if (result !== undefined && result !== false) return result;
      cause = undefined;
    } catch (error) {
      cause = error;
    }
    if (performance.now() > end) {
      const why = Error.isError(cause) ? `: ${cause.message}` : '';
      throw new Error(`still not ${options.what ?? 'so'} after ${timeout_ms} ms${why}`, { cause });
    }
    await pause(options.every_ms ?? LOOK_EVERY_MS);
  }
}
