import type { DatabaseSync } from 'node:sqlite';

/** A path that an event named and that no snapshot holds as it is now. */
export interface Change {
  readonly source: string;
  readonly path: string;
  /** It is meant to be gone (retired, moved away): only then does its absence belong into a snapshot. */
  readonly gone: boolean;
  readonly since_ms: number;
  readonly correlationid: string;
  readonly traceparent: string | null;
}

/** What a run has to read: taken at its start, dropped when it has succeeded. */
export interface TakenChanges {
  readonly paths: readonly { readonly path: string; readonly gone: boolean }[];
  /** All changes up to this one. */
  readonly number: number;
  /** The incident that they belong to, where they all belong to one. */
  readonly cause: { correlationid: string; traceparent: string | null } | null;
}

/** Changes that wait for their snapshot. Writers hold the transaction. */
export interface ChangeTable {
  add(change: Change): void;
  /** What is there now. A path that changes again meanwhile gets a higher number, and stays. */
  take(source: string): TakenChanges;
  drop(source: string, up_to: number): void;
  /** The oldest one's time, or null. */
  oldest(source: string): number | null;
  count(source: string): number;
}

interface Row {
  path: string;
  gone: number;
  correlationid: string;
  traceparent: string | null;
}

/** Changes in SQLite. */
export function createChangeTable(db: DatabaseSync): ChangeTable {
  // A path that changes twice keeps its age: its snapshot is due since the first time.
  const add = db.prepare(`
    INSERT INTO changes (source, path, gone, number, since_ms, correlationid, traceparent)
    VALUES (?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET gone = excluded.gone, number = excluded.number,
      correlationid = excluded.correlationid, traceparent = excluded.traceparent`);
  const all = db.prepare('SELECT path, gone, correlationid, traceparent FROM changes WHERE source = ?');
  const drop = db.prepare('DELETE FROM changes WHERE source = ? AND number <= ?');
  const oldest = db.prepare('SELECT min(since_ms) AS since_ms FROM changes WHERE source = ?');
  const count = db.prepare('SELECT count(*) AS count FROM changes WHERE source = ?');
  let number =
    (db.prepare('SELECT max(number) AS number FROM changes').get() as { number: number | null }).number ?? 0;
  return {
    add: ({ source, path, gone, since_ms, correlationid, traceparent }) => {
      number += 1;
      add.run(source, path, Number(gone), number, since_ms, correlationid, traceparent);
    },
    take: (source) => {
      const rows = all.all(source) as unknown as Row[];
      const paths = rows.map((row) => ({ path: row.path, gone: row.gone === 1 }));
      return { paths, number, cause: sharedCause(rows) };
    },
    drop: (source, up_to) => void drop.run(source, up_to),
    oldest: (source) => (oldest.get(source) as { since_ms: number | null }).since_ms,
    count: (source) => (count.get(source) as { count: number }).count,
  };
}

function sharedCause(rows: readonly Row[]): TakenChanges['cause'] {
  const [first] = rows;
  if (first === undefined || rows.some((row) => row.correlationid !== first.correlationid)) return null;
  return { correlationid: first.correlationid, traceparent: first.traceparent };
}
