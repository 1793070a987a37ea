import type { Clock } from '@holdfast/runtime/clock';
import type { AuditQuery } from '../domain/query/query.ts';
import type { EventLog, LogEntry } from './event-log.ts';

export interface Follow {
  /** Goes on after this place. */
  readonly after: number;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  /** Silence is broken after so long, with no entries. */
  readonly heartbeat_ms: number;
}

/** What fits, and up to which place all that fits has been given. */
export interface Followed {
  readonly entries: readonly LogEntry[];
  readonly position: number;
}

const PAGE = 256;

/**
 * The events that fit, from a place on and then as they come: nothing missing between, nothing twice, because all of
 * them are read from the log. Holds one page at a time however slow its reader is. Ends with the signal.
 */
export async function* followLog(log: EventLog, query: AuditQuery, follow: Follow): AsyncGenerator<Followed> {
  const { signal, clock, heartbeat_ms } = follow;
  let bell = Promise.withResolvers<'event' | 'heartbeat' | 'end'>();
  const stop = log.onAppend(() => bell.resolve('event'));
  const onAbort = () => bell.resolve('end');
  signal.addEventListener('abort', onAbort);
  try {
    let position = follow.after;
    while (!signal.aborted) {
      // Before the look: what is appended during it rings.
      bell = Promise.withResolvers();
      const last = log.size() - 1;
      const { entries, next_after } = await log.page(query, { limit: PAGE, order: 'asc', after: position });
      position = next_after ?? Math.max(position, last);
      if (entries.length > 0) yield { entries, position };
      if (next_after !== null || signal.aborted) continue;
      const cancel = clock.after(heartbeat_ms, () => bell.resolve('heartbeat'));
      const rang = await bell.promise;
      cancel();
      if (rang === 'heartbeat') yield { entries: [], position };
    }
  } finally {
    stop();
    signal.removeEventListener('abort', onAbort);
  }
}
