/** How long to wait after a number of failures, from 1: `first_ms`, then twice as long each time, up to `max_ms`. */
export function backoffMs(
  failures: number,
  { first_ms, max_ms }: { first_ms: number; max_ms: number },
): number {
  return Math.min(first_ms * 2 ** Math.max(0, failures - 1), max_ms);
}
