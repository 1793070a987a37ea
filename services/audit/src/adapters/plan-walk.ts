import type { DatabaseSync, SQLInputValue } from 'node:sqlite';
import type { Order } from '@holdfast/contracts/http/audit';
import type { AuditQuery } from '../domain/query/query.ts';
import { conditions, type Indexed, indexedConditions, subjectCondition } from './query-sql.ts';
import { wordsMatch } from './vocabulary.ts';

/** Places from `first` to `last`, both in it, walked in the direction of the order. */
export interface Range {
  readonly first: number;
  readonly last: number;
  readonly order: Order;
}

/** Gives the candidates for a page, in order; every hit is one of them. */
export interface Walk {
  /** At most `count` more; none at the end. */
  next(count: number): readonly number[];
  /** Every candidate is a hit. */
  readonly exact: boolean;
  /** The candidates have the words that were asked for. */
  readonly has_words: boolean;
}

/** Somewhere to take candidates from. */
interface Source {
  /** How many there are; not counted further than need be. */
  count(): number;
  readonly answers: 'words' | 'condition' | 'nothing';
  next(range: Range, count: number): number[];
}

/** A range this short is cheaper to walk than to plan. */
const SHORT = 1024;
const COUNT_CAP = 4096;
/** So many places can be sorted at once in about two milliseconds. */
const SORT_CAP = 16_384;

const WHOLE_RANGE: Source = { count: () => Number.POSITIVE_INFINITY, answers: 'nothing', next: nextOfRange };

/** Chooses where the candidates of a query come from: its rarest condition that has an index, else the whole range. */
export function createPlanner(db: DatabaseSync): (query: AuditQuery, range: Range) => Walk {
  return (query, range) => {
    const asked = conditions(query).length + Number(query.words.length > 0);
    const short = range.last - range.first < SHORT;
    const source = short ? WHOLE_RANGE : rarest(sourcesOf(db, query, range));
    const answered = source.answers === 'nothing' ? 0 : 1;
    return walk(source, range, { exact: asked === answered, has_words: source.answers === 'words' });
  };
}

function rarest(sources: readonly Source[]): Source {
  const [only = WHOLE_RANGE, ...others] = sources;
  if (others.length === 0) return only;
  const counted = sources.map((source) => ({ source, count: source.count() }));
  return counted.reduce((best, one) => (one.count < best.count ? one : best)).source;
}

function walk(source: Source, range: Range, is: Pick<Walk, 'exact' | 'has_words'>): Walk {
  let rest = range;
  return {
    ...is,
    next: (count) => {
      if (rest.first > rest.last) return [];
      const places = source.next(rest, count);
      const end = places.at(-1);
      if (end === undefined || places.length < count) rest = { ...rest, first: rest.last + 1 };
      else rest = rest.order === 'asc' ? { ...rest, first: end + 1 } : { ...rest, last: end - 1 };
      return places;
    },
  };
}

function nextOfRange({ first, last, order }: Range, count: number): number[] {
  const length = Math.min(count, last - first + 1);
  return Array.from({ length }, (_, at) => (order === 'asc' ? first + at : last - at));
}

/** The words come first: among equals they are the dearest to check row by row. */
function sourcesOf(db: DatabaseSync, query: AuditQuery, range: Range): Source[] {
  const words = wordsSource(db, query, range);
  const prefix = prefixSource(db, query, range);
  const columns = indexedConditions(query).map((indexed) => columnSource(db, indexed, range));
  return [words, prefix, ...columns].filter((source) => source !== null);
}

const inRange = (column: string) => `${column} BETWEEN ? AND ?`;

function columnSource(db: DatabaseSync, { index, column, values }: Indexed, range: Range): Source {
  const where = `FROM events INDEXED BY ${index} WHERE ${column} = ? AND ${inRange('idx')}`;
  const count = (value: SQLInputValue) =>
    countCapped(db, `SELECT 1 ${where}`, [value, range.first, range.last]);
  const select = db.prepare(`SELECT idx ${where} ORDER BY idx ${range.order} LIMIT ?`);
  return {
    count: () => values.reduce<number>((sum, value) => sum + count(value), 0),
    answers: 'condition',
    next: ({ first, last, order }, count) => {
      const places = values.flatMap((value) => select.all(value, first, last, count).map(placeOf));
      if (values.length > 1) places.sort((a, b) => (order === 'asc' ? a - b : b - a));
      return places.slice(0, count);
    },
  };
}

/** A subject prefix is in the order of subjects, not of the log: of use only where all of it can be sorted at once. */
function prefixSource(db: DatabaseSync, { subject }: AuditQuery, range: Range): Source | null {
  if (subject?.kind !== 'prefix') return null;
  const { sql, values } = subjectCondition(subject);
  const where = `FROM events INDEXED BY events_subject WHERE ${sql} AND ${inRange('idx')}`;
  const count = countCapped(db, `SELECT 1 ${where}`, [...values, range.first, range.last], SORT_CAP);
  if (count > SORT_CAP) return null;
  const select = db.prepare(`SELECT idx ${where} ORDER BY idx ${range.order} LIMIT ?`);
  return {
    count: () => count,
    answers: 'condition',
    next: ({ first, last }, wanted) => select.all(...values, first, last, wanted).map(placeOf),
  };
}

function wordsSource(db: DatabaseSync, query: AuditQuery, range: Range): Source | null {
  if (query.words.length === 0) return null;
  const match = wordsMatch(db, query.words);
  const where = `FROM words WHERE words MATCH ? AND ${inRange('rowid')}`;
  const select = db.prepare(`SELECT rowid AS idx ${where} ORDER BY rowid ${range.order} LIMIT ?`);
  return {
    count: () => countCapped(db, `SELECT 1 ${where}`, [match, range.first, range.last]),
    answers: 'words',
    next: ({ first, last }, count) => select.all(match, first, last, count).map(placeOf),
  };
}

function countCapped(
  db: DatabaseSync,
  select: string,
  values: readonly SQLInputValue[],
  cap = COUNT_CAP,
): number {
  const row = db.prepare(`SELECT count(*) AS count FROM (${select} LIMIT ?)`).get(...values, cap + 1);
  return row?.['count'] as number;
}

function placeOf(row: Record<string, unknown>): number {
  return row['idx'] as number;
}
