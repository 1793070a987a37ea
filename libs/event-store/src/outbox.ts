import type { DatabaseSync } from 'node:sqlite';
import type { HoldfastEvent } from '@holdfast/contracts/catalog';
import { APPEND_MAX, type EventStore } from './event-store.ts';
import { type Log, silentLog } from './log.ts';
import { pause } from './pause.ts';

/**
 * For a migration. Rows stay after publishing, so that a stream that lost its end can be filled again:
 * `published_seq` is the sequence of the last event of the batch they went with. The newest `KEPT_MAX` are kept.
 */
export const OUTBOX_SCHEMA = `
  CREATE TABLE outbox (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id TEXT NOT NULL UNIQUE,
    bytes TEXT NOT NULL,
    published_seq INTEGER
  );
  CREATE INDEX outbox_pending ON outbox (position) WHERE published_seq IS NULL`;

/** Published rows that are kept, at least: some 50 MB of usual events. */
export const KEPT_MAX = 100_000;
const BATCH_BYTES_MAX = 4 * 1024 * 1024;
const RETRY_MS = [20, 50, 100, 250, 500, 1_000] as const;

/** Events that were decided and are on their way: the state change and its events are one transaction. */
export interface Outbox extends AsyncDisposable {
  /** Inside the transaction that changes the state; an id that is there already is left as it is. */
  add(events: readonly HoldfastEvent[]): void;
  /** After the commit: what is queued goes out, as one atomic batch. */
  wake(): void;
  /** Events that are not acknowledged by the store yet. */
  pending(): number;
  /** Resolves when all is published, however long NATS is away. */
  idle(): Promise<void>;
}

interface PendingRow {
  position: number;
  bytes: string;
}

const statementsOf = (db: DatabaseSync) => ({
  insert: db.prepare('INSERT OR IGNORE INTO outbox (event_id, bytes) VALUES (?, ?)'),
  next: db.prepare(
    'SELECT position, bytes FROM outbox WHERE published_seq IS NULL ORDER BY position LIMIT ?',
  ),
  count: db.prepare('SELECT count(*) AS pending FROM outbox WHERE published_seq IS NULL'),
  publish: db.prepare(
    'UPDATE outbox SET published_seq = ? WHERE published_seq IS NULL AND position BETWEEN ? AND ?',
  ),
  drop: db.prepare('DELETE FROM outbox WHERE published_seq IS NOT NULL AND position <= ?'),
});

/** The pump of one service: sends in order, at least once, and goes on for ever while the store is away. */
export function createOutbox({ db, store, log = silentLog }: OutboxOptions): Outbox {
  const sql = statementsOf(db);
  const stopping = new AbortController();
  let running: Promise<void> | undefined;
  let woken = false;

  const sendOne = async (): Promise<boolean> => {
    const rows = takeBatch(sql.next.all(APPEND_MAX) as unknown as PendingRow[]);
    const [first, last] = [rows[0], rows.at(-1)];
    if (first === undefined || last === undefined) return false;
    const { last_seq } = await store.append(rows.map(({ bytes }) => JSON.parse(bytes) as HoldfastEvent));
    markPublished(last_seq, first.position, last.position);
    return true;
  };
  // Not synced: should a power cut take this mark, the batch is sent again and known by its ids.
  const markPublished = (last_seq: number, first: number, last: number) => {
    db.exec('PRAGMA synchronous = NORMAL');
    try {
      sql.publish.run(last_seq, first, last);
      if (last % APPEND_MAX <= last - first) sql.drop.run(last - KEPT_MAX);
    } finally {
      db.exec('PRAGMA synchronous = FULL');
    }
  };
  const pump = async () => {
    for (let failures = 0; !stopping.signal.aborted; ) {
      try {
        woken = false;
        if (!(await sendOne()) && !woken) break;
        failures = 0;
      } catch (error) {
        const delay_ms = RETRY_MS[failures] ?? 1_000;
        failures += 1;
        log.warn({ err: error, failures, delay_ms }, 'events could not be published; will retry');
        await pause(delay_ms, stopping.signal);
      }
    }
    running = undefined;
  };
  const wake = () => {
    woken = true;
    if (!stopping.signal.aborted) running ??= pump();
  };
  wake();
  return {
    add: (events) => {
      for (const event of events) sql.insert.run(event.id, JSON.stringify(event));
    },
    wake,
    pending: () => (sql.count.get() as { pending: number }).pending,
    idle: async () => {
      wake();
      await running;
    },
    [Symbol.asyncDispose]: async () => {
      stopping.abort();
      await running;
    },
  };
}

interface OutboxOptions {
  db: DatabaseSync;
  store: Pick<EventStore, 'append'>;
  log?: Log;
}

/** As many of the oldest rows as one message batch should carry, one at least. */
function takeBatch(rows: readonly PendingRow[]): PendingRow[] {
  let bytes = 0;
  const fits = rows.findIndex((row, index) => {
    bytes += row.bytes.length;
    return index > 0 && bytes > BATCH_BYTES_MAX;
  });
  return rows.slice(0, fits === -1 ? rows.length : fits);
}
