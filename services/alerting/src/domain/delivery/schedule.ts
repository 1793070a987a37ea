/** How often and how long a message is tried on one channel. */
export interface RetryPolicy {
  attempts_max: number;
  /** The first wait is at most this; each further one at most twice the last. */
  base_ms: number;
  wait_max_ms: number;
}

/** Eight tries: seven waits of half of 30 s, 1, 2, 4, 8, 16, 30 min at the mean are half an hour. */
export const DEFAULT_RETRY: RetryPolicy = { attempts_max: 8, base_ms: 30_000, wait_max_ms: 1_800_000 };

/** What came of one try. `unknown`: it may have arrived, so it is not sent again. */
export type Attempt =
  | { outcome: 'delivered'; provider_id: string | null }
  | { outcome: 'unknown'; reason: string }
  | { outcome: 'refused'; code: string; reason: string }
  | { outcome: 'failed'; code: string; reason: string; retry_after_ms?: number };

/** What is to be done after a try. */
export type NextStep =
  | { step: 'sent'; outcome: 'delivered' | 'unknown'; provider_id: string | null; reason: string | null }
  | { step: 'retry'; at_ms: number; code: string; reason: string }
  | { step: 'give_up'; code: string; reason: string };

/** Full jitter: anywhere between at once and the longest wait, but never before what the receiver asked for. */
function retryAt(
  policy: RetryPolicy,
  attempt: number,
  tried: { now_ms: number; random: number; least_ms: number },
) {
  const longest = Math.min(policy.wait_max_ms, policy.base_ms * 2 ** (attempt - 1));
  return tried.now_ms + Math.max(tried.least_ms, Math.round(tried.random * longest));
}

/** Decides after try number `attempt` (from 1); `random` is in [0, 1). */
export function afterAttempt(
  policy: RetryPolicy,
  attempt: number,
  result: Attempt,
  at: { now_ms: number; random: number },
): NextStep {
  if (result.outcome === 'delivered')
    return { step: 'sent', outcome: 'delivered', provider_id: result.provider_id, reason: null };
  if (result.outcome === 'unknown')
    return { step: 'sent', outcome: 'unknown', provider_id: null, reason: result.reason };
  const { code, reason } = result;
  if (result.outcome === 'refused' || attempt >= policy.attempts_max)
    return { step: 'give_up', code, reason };
  const least_ms = Math.min(result.retry_after_ms ?? 0, policy.wait_max_ms);
  return { step: 'retry', at_ms: retryAt(policy, attempt, { ...at, least_ms }), code, reason };
}
