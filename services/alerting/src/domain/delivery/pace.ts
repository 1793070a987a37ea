/** How much a channel's readers can bear. */
export interface PacePolicy {
  /** So many messages within the window, about. */
  messages_max: number;
  window_ms: number;
  /** So many that wait together become one message, at any time. */
  merge_from: number;
}

/** A channel's last messages and its queue. */
export interface Traffic {
  /** When those of the window went out, oldest first. */
  sent_at_ms: readonly number[];
  waiting: number;
}

/** When the next message may go, and whether it takes all that wait with it. */
export interface Pace {
  at_ms: number;
  merge: boolean;
}

/**
 * Many small incidents are as loud as one big one. The first half of what is borne goes at once, the rest evenly over the
 * window, each taking with it whatever waits by then: nothing waits longer than one such step.
 */
export function paceOf(policy: PacePolicy, { sent_at_ms, waiting }: Traffic, now_ms: number): Pace {
  const half = policy.messages_max / 2;
  const recent = sent_at_ms.filter((at) => at > now_ms - policy.window_ms);
  const last = recent.at(-1);
  if (last === undefined || recent.length < half)
    return { at_ms: now_ms, merge: waiting >= policy.merge_from };
  return { at_ms: Math.max(now_ms, last + policy.window_ms / half), merge: waiting >= 2 };
}
