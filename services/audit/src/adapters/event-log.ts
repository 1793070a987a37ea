import type { DatabaseSync } from 'node:sqlite';
import { openDatabase, transaction } from '@holdfast/runtime/sqlite';
import type { StreamPosition } from '../domain/position/position.ts';
import type { AuditQuery } from '../domain/query/query.ts';
import { createFinder, type PageRequest } from './find-events.ts';
import { LOG_MIGRATIONS } from './log-schema.ts';
import { type Appended, createLogWriter, type Incoming } from './log-writer.ts';
import { createTimeSpans } from './time-spans.ts';
import { createVocabulary } from './vocabulary.ts';

/** One event of the log: its place, counted from 0, and the exact bytes that were on the wire. */
export interface LogEntry {
  readonly index: number;
  readonly bytes: Uint8Array;
}

export interface LogPage {
  readonly entries: readonly LogEntry[];
  /** Where the next page goes on; null at the end of what was there when the page was asked for. */
  readonly next_after: number | null;
}

/**
 * The log: every event once, by id, in the order first seen. One transaction holds events, leaf hashes and position;
 * it is durable when `append` returns. One writer.
 */
export interface EventLog extends Disposable {
  /** Blocks for one transaction: give it a slice, not a flood. Throws where the disk does not take it; nothing is kept then. */
  append(events: readonly Incoming[]): Appended;
  /** How many events there are; the last one is at `size() - 1`. */
  size(): number;
  position(): StreamPosition;
  /** By event id or, in digits, by place. */
  entry(reference: string): (LogEntry & { readonly leaf: Uint8Array }) | null;
  /** A page of what fits, in log order. Gives way to other work between steps of a few milliseconds. */
  page(query: AuditQuery, request: PageRequest): Promise<LogPage>;
  /** Called after each append that added something; the result ends it. */
  onAppend(listener: () => void): () => void;
}

const CACHE_KIB = 65_536;

/** Opens the log in a file (`:memory:` in tests), making it where there is none. */
export function openEventLog(file: string): EventLog {
  const db = openDatabase(file, LOG_MIGRATIONS);
  db.exec(`PRAGMA cache_size = -${CACHE_KIB}`);
  const spans = createTimeSpans(db);
  const vocabulary = createVocabulary(db);
  const write = createLogWriter(db, spans, vocabulary);
  const find = createFinder(db, spans);
  const read = createReader(db);
  const listeners = new Set<() => void>();
  let size = read.size();
  const allOrNothing = (events: readonly Incoming[]): Appended => {
    try {
      return transaction(db, () => write(events, size));
    } catch (error) {
      vocabulary.forget();
      throw error;
    }
  };
  return {
    append: (events) => {
      const appended = allOrNothing(events);
      size += appended.added;
      if (appended.added > 0) for (const listener of listeners) listener();
      return appended;
    },
    size: () => size,
    position: read.position,
    entry: read.entry,
    page: async (query, request) => {
      const { places, next_after } = await find(query, request, request.size ?? size);
      return { entries: read.entries(places), next_after };
    },
    onAppend: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    [Symbol.dispose]: () => db.close(),
  };
}

function createReader(db: DatabaseSync) {
  const end = db.prepare('SELECT coalesce(max(idx) + 1, 0) AS size FROM events');
  const position = db.prepare('SELECT epoch, seq FROM position');
  const one = 'SELECT idx AS "index", bytes, leaf FROM events JOIN bodies USING (idx) WHERE';
  const byId = db.prepare(`${one} id = ?`);
  const byPlace = db.prepare(`${one} idx = ?`);
  const many = db.prepare(
    'SELECT idx AS "index", bytes FROM json_each(?) AS wanted CROSS JOIN bodies ON idx = wanted.value',
  );
  return {
    size: () => end.get()?.['size'] as number,
    position: () => position.get() as unknown as StreamPosition,
    entry: (reference: string) => {
      const row = /^\d{1,15}$/.test(reference) ? byPlace.get(Number(reference)) : byId.get(reference);
      return (row as unknown as LogEntry & { leaf: Uint8Array }) ?? null;
    },
    entries: (places: readonly number[]) => many.all(JSON.stringify(places)) as unknown as LogEntry[],
  };
}
