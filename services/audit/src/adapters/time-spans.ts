import type { DatabaseSync } from 'node:sqlite';

const SPANS_MS = [60_000, 86_400_000] as const;
const DAY_MS = SPANS_MS[1];

const startOf = (time_ms: number, span_ms: number) => Math.floor(time_ms / span_ms) * span_ms;

/** Where in the log the events of a time can be: a bound that lets a page skip all the rest. */
export interface TimeSpans {
  /** Within the caller's transaction. */
  note(entries: readonly { index: number; time_ms: number }[]): void;
  /** No event at or after `since_ms` stands before this place. */
  first(since_ms: number): number;
  /** No event at or before `until_ms` stands after this place. */
  last(until_ms: number): number;
}

export function createTimeSpans(db: DatabaseSync): TimeSpans {
  const widen = db.prepare(`INSERT INTO time_spans VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET
    first = min(first, excluded.first), last = max(last, excluded.last)`);
  const firstOf = db.prepare(`SELECT min(first) AS place FROM (
    SELECT min(first) AS first FROM time_spans WHERE level = 0 AND start_ms >= ? AND start_ms < ?
    UNION ALL SELECT min(first) FROM time_spans WHERE level = 1 AND start_ms >= ?)`);
  const lastOf = db.prepare(`SELECT max(last) AS place FROM (
    SELECT max(last) AS last FROM time_spans WHERE level = 0 AND start_ms >= ? AND start_ms <= ?
    UNION ALL SELECT max(last) FROM time_spans WHERE level = 1 AND start_ms < ?)`);
  return {
    note: (entries) => {
      for (const [level, span_ms] of SPANS_MS.entries())
        for (const [start_ms, { first, last }] of spansOf(entries, span_ms))
          widen.run(level, start_ms, first, last);
    },
    first: (since_ms) => {
      const tomorrow_ms = startOf(since_ms, DAY_MS) + DAY_MS;
      const found = firstOf.get(startOf(since_ms, SPANS_MS[0]), tomorrow_ms, tomorrow_ms);
      return (found?.['place'] as number | null | undefined) ?? Number.MAX_SAFE_INTEGER;
    },
    last: (until_ms) => {
      const today_ms = startOf(until_ms, DAY_MS);
      return (lastOf.get(today_ms, until_ms, today_ms)?.['place'] as number | null | undefined) ?? -1;
    },
  };
}

function spansOf(entries: readonly { index: number; time_ms: number }[], span_ms: number) {
  const spans = new Map<number, { first: number; last: number }>();
  for (const { index, time_ms } of entries) {
    const start_ms = startOf(time_ms, span_ms);
    const span = spans.get(start_ms);
    if (span === undefined) spans.set(start_ms, { first: index, last: index });
    else span.last = index;
  }
  return spans;
}
