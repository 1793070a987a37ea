/** One slice is one transaction, and a transaction holds the thread: this long is aimed at, under the 20 ms allowed. */
const TARGET_MS = 10;
/** Fewer would not be quicker: what a busy disk makes slow is the sync, and each slice has one. */
const EVENTS_MIN = 100;
const EVENTS_MAX = 400;
const BYTES_MAX = 256 * 1024;

/** What the first slice of a process holds at most. */
export const FIRST_SLICE_EVENTS = 100;

/** The next of a batch, in its order: short in events and in bytes; an event alone may be longer. */
export function nextSlice<Event extends { readonly bytes: Uint8Array }>(
  batch: readonly Event[],
  from: number,
  events_max: number,
): readonly Event[] {
  let bytes = 0;
  let end = from;
  for (const event of batch.slice(from, from + events_max)) {
    bytes += event.bytes.length;
    if (bytes > BYTES_MAX && end > from) break;
    end += 1;
  }
  return batch.slice(from, end);
}

/** How many events the next slice may hold, after one of `events` took `took_ms`: at most twice or half as many. */
export function adaptSlice(events_max: number, events: number, took_ms: number): number {
  if (events === 0) return events_max;
  const fitting = Math.round((events * TARGET_MS) / Math.max(took_ms, 0.1));
  // A short slice that was quick says nothing about a long one.
  const wanted = events < events_max && fitting > events_max ? events_max : fitting;
  const bounded = Math.min(events_max * 2, Math.max(events_max / 2, wanted));
  return Math.round(Math.min(EVENTS_MAX, Math.max(EVENTS_MIN, bounded)));
}
