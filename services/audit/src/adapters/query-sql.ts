import type { SQLInputValue } from 'node:sqlite';
import type { AuditQuery, SubjectFilter } from '../domain/query/query.ts';

/** A condition on a row of `events`. */
export interface Condition {
  readonly sql: string;
  readonly values: readonly SQLInputValue[];
}

/** A condition that an index answers in log order, for one value at a time. */
export interface Indexed {
  readonly index: string;
  readonly column: string;
  readonly values: readonly SQLInputValue[];
}

const EQUAL = [
  ['correlation_id', 'correlationid'],
  ['protected_source', 'protected_source'],
  ['source', 'source'],
  ['actor', 'actor'],
  ['host', 'host'],
] as const;

/** The conditions of a query that an index can answer, likely the rarest first. */
export function indexedConditions(query: AuditQuery): Indexed[] {
  const found: Indexed[] = [];
  const add = (column: string, values: readonly SQLInputValue[]) =>
    found.push({ index: `events_${column}`, column, values });
  if (query.subject?.kind === 'exact') add('subject', [query.subject.value]);
  for (const [field, column] of EQUAL) {
    const value = query[field];
    if (value !== null) add(column, [value]);
  }
  if (query.types !== null) add('type', query.types);
  return found;
}

/** Every condition of a query but its words. */
export function conditions(query: AuditQuery): Condition[] {
  const found: Condition[] = [];
  const add = (sql: string, ...values: SQLInputValue[]) => found.push({ sql, values });
  for (const [field, column] of EQUAL) {
    const value = query[field];
    if (value !== null) add(`${column} = ?`, value);
  }
  if (query.types !== null) add(`type IN (${query.types.map(() => '?').join(', ')})`, ...query.types);
  if (query.subject !== null) found.push(subjectCondition(query.subject));
  if (query.since_ms !== null) add('time_ms >= ?', query.since_ms);
  if (query.until_ms !== null) add('time_ms <= ?', query.until_ms);
  return found;
}

/** The SQL function that the log registers: does the event travel on a subject that fits? */
export const FITS_PATTERN = 'fits_pattern';
const AFTER_ALL = '\u{10FFFF}';

export function subjectCondition({ kind, value }: SubjectFilter): Condition {
  if (kind === 'exact') return { sql: 'subject = ?', values: [value] };
  if (kind === 'prefix') return { sql: 'subject >= ? AND subject < ?', values: [value, value + AFTER_ALL] };
  return { sql: `${FITS_PATTERN}(?, type, source, subject)`, values: [value] };
}
