import type { DatabaseSync } from 'node:sqlite';
import { setImmediate as giveWay } from 'node:timers/promises';
import { type HoldfastEvent, isEventType } from '@holdfast/contracts/catalog';
import type { Order } from '@holdfast/contracts/http/audit';
import { subjectOf } from '@holdfast/contracts/subjects';
import { subjectMatches } from '@holdfast/event-store/subject-match';
import { hasWords } from '../domain/entry/entry.ts';
import type { AuditQuery } from '../domain/query/query.ts';
import { createPlanner, type Range, type Walk } from './plan-walk.ts';
import { conditions, FITS_PATTERN } from './query-sql.ts';
import type { TimeSpans } from './time-spans.ts';

export interface PageRequest {
  readonly limit: number;
  readonly order: Order;
  /** Goes on after this place, in the direction of the order. */
  readonly after?: number | undefined;
  /** Looks only at the first so many events; default all. */
  readonly size?: number;
}

/** Places in the log, in order. */
export interface Page {
  readonly places: readonly number[];
  readonly next_after: number | null;
}

/** Finds a page among the first `size` events. */
export type Finder = (query: AuditQuery, request: PageRequest, size: number) => Promise<Page>;

/** Candidates that are looked at before other work gets its turn; few at first, because most pages fill at once. */
const FIRST_STEP = 512;
const LARGEST_STEP = 4096;

/**
 * The rarest indexed condition gives candidates in log order, a few at a time; the others are checked row by row. So a
 * page costs what it shows plus what it skips, and no question, however odd, holds the thread for long.
 */
export function createFinder(db: DatabaseSync, spans: TimeSpans): Finder {
  db.function(FITS_PATTERN, { deterministic: true }, (pattern, type, source, subject) =>
    Number(
      fitsPattern(String(pattern), { type: String(type), source: String(source), subject: String(subject) }),
    ),
  );
  const plan = createPlanner(db);
  return async (query, request, size) => {
    const wanted = request.limit + 1;
    const walk = plan(query, rangeOf(query, request, size, spans));
    const places = walk.exact
      ? [...walk.next(wanted)]
      : await sift(walk, createCheck(db, query, request.order, walk), wanted);
    const shown = places.slice(0, request.limit);
    return { places: shown, next_after: places.length > shown.length ? (shown.at(-1) ?? null) : null };
  };
}

/** Takes candidates, step by step, until enough of them pass the check. */
async function sift(walk: Walk, check: Check, wanted: number): Promise<number[]> {
  const places: number[] = [];
  for (let step = FIRST_STEP; ; step = Math.min(step * 2, LARGEST_STEP)) {
    const candidates = walk.next(step);
    if (candidates.length > 0) places.push(...check(candidates));
    if (candidates.length === 0 || places.length >= wanted) return places;
    await giveWay();
  }
}

function fitsPattern(pattern: string, event: { type: string; source: string; subject: string }): boolean {
  return isEventType(event.type) && subjectMatches(pattern, subjectOf(event as HoldfastEvent));
}

function rangeOf(query: AuditQuery, { order, after }: PageRequest, size: number, spans: TimeSpans): Range {
  const first = query.since_ms === null ? 0 : spans.first(query.since_ms);
  const last = query.until_ms === null ? size - 1 : Math.min(size - 1, spans.last(query.until_ms));
  if (after === undefined) return { first, last, order };
  if (order === 'asc') return { first: Math.max(first, after + 1), last, order };
  return { first, last: Math.min(last, after - 1), order };
}

/** Those candidates that fit the whole query. */
type Check = (candidates: readonly number[]) => number[];

function createCheck(db: DatabaseSync, query: AuditQuery, order: Order, { has_words }: Walk): Check {
  const asked = conditions(query);
  const sql = asked.map((condition) => `AND (${condition.sql})`).join(' ');
  const select = (places: string) =>
    db.prepare(`SELECT idx FROM events NOT INDEXED WHERE ${places} ${sql} ORDER BY idx ${order}`);
  const unbroken = select('idx BETWEEN ? AND ?');
  const scattered = select('idx IN (SELECT value FROM json_each(?))');
  const values = asked.flatMap((condition) => condition.values);
  const wordy = has_words || query.words.length === 0 ? null : createWordCheck(db, query.words);
  return (candidates) => {
    const [one = 0, other = 0] = [candidates[0], candidates.at(-1)];
    const [first, last] = [Math.min(one, other), Math.max(one, other)];
    const found =
      last - first + 1 === candidates.length
        ? unbroken.all(first, last, ...values)
        : scattered.all(JSON.stringify(candidates), ...values);
    const places = found.map((row) => row['idx'] as number);
    return wordy === null ? places : places.filter(wordy);
  };
}

/** Reads the events themselves: only where something rarer than the words has left few of them. */
function createWordCheck(db: DatabaseSync, words: readonly string[]): (place: number) => boolean {
  const body = db.prepare('SELECT bytes FROM bodies WHERE idx = ?');
  return (place) => {
    const bytes = body.get(place)?.['bytes'] as Uint8Array;
    return hasWords(JSON.parse(new TextDecoder().decode(bytes)), words);
  };
}
