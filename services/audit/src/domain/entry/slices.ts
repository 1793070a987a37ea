/** One slice is one transaction: short enough that it holds the thread for a few milliseconds only. */
const EVENTS_MAX = 100;
const BYTES_MAX = 256 * 1024;

/** Cuts a batch, in its order, into slices that are short in events and in bytes; an event alone may be longer. */
export function slices<Event extends { readonly bytes: Uint8Array }>(batch: readonly Event[]): Event[][] {
  const cut: Event[][] = [];
  let room = 0;
  for (const event of batch) {
    const current = cut.at(-1);
    if (current === undefined || current.length >= EVENTS_MAX || event.bytes.length > room) {
      cut.push([event]);
      room = BYTES_MAX;
    } else current.push(event);
    room -= event.bytes.length;
  }
  return cut;
}
