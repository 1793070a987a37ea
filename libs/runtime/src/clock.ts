/** The time, passed in: tests turn it by hand. */
export interface Clock {
  now_ms(): number;
  /** Calls once after `delay_ms`; the result cancels. */
  after(delay_ms: number, call: () => void): () => void;
}

export const systemClock: Clock = {
  now_ms: () => Date.now(),
  after: (delay_ms, call) => {
    const timer = setTimeout(call, delay_ms);
    return () => clearTimeout(timer);
  },
};

/** RFC 3339, UTC, milliseconds. */
export function timestamp(now_ms: number): string {
  return new Date(now_ms).toISOString();
}
