import { EVENTS } from '@holdfast/contracts/catalog';
import { HoldfastError } from '@holdfast/contracts/errors';
import type { AuditFilters, Order } from '@holdfast/contracts/http/audit';
import { words } from './words.ts';

/** `pattern` is a NATS subject filter over the subject that the event travelled on. */
export interface SubjectFilter {
  readonly kind: 'exact' | 'prefix' | 'pattern';
  readonly value: string;
}

/** A question to the log, free of how it is stored. Null asks nothing of that field; all that is set must fit. */
export interface AuditQuery {
  /** One of these; an empty list fits nothing. */
  readonly types: readonly string[] | null;
  readonly subject: SubjectFilter | null;
  /** The CloudEvents source: `holdfast/<host>/<service>`. */
  readonly source: string | null;
  /** The protected source: `data.source`. */
  readonly protected_source: string | null;
  readonly host: string | null;
  readonly actor: string | null;
  readonly correlation_id: string | null;
  readonly since_ms: number | null;
  readonly until_ms: number | null;
  /** Each is a word of the event or, with `*` at its end, begins one; an empty list asks nothing. */
  readonly words: readonly string[];
}

/** The query that asks nothing: every event. */
export const EVERYTHING: AuditQuery = {
  types: null,
  subject: null,
  source: null,
  protected_source: null,
  host: null,
  actor: null,
  correlation_id: null,
  since_ms: null,
  until_ms: null,
  words: [],
};

const EVENT_SOURCE_START = 'holdfast/';

/** The filters of a request as a query; `bad_request` names the one that makes no sense. */
export function auditQuery(filters: AuditFilters): AuditQuery {
  const { subject, types } = subjectFilter(filters.subject);
  const source = filters.source ?? null;
  const of_service = source?.startsWith(EVENT_SOURCE_START) ?? false;
  return {
    types: both(namedTypes(filters.type), types),
    subject,
    source: of_service ? source : null,
    protected_source: of_service ? null : source,
    host: filters.host ?? null,
    actor: filters.actor ?? null,
    correlation_id: filters.correlation_id ?? null,
    ...timeRange(filters),
    words: searchWords(filters.q),
  };
}

function namedTypes(type: string | undefined): readonly string[] | null {
  if (type === undefined) return null;
  const types = type.split(',').map((name) => name.trim());
  if (types.every((name) => /^[A-Za-z]+$/.test(name))) return [...new Set(types)];
  throw new HoldfastError('bad_request', `type: ${type} is no list of event types`);
}

type SubjectAndTypes = Pick<AuditQuery, 'subject' | 'types'>;

function subjectFilter(text: string | undefined): SubjectAndTypes {
  if (text === undefined) return { subject: null, types: null };
  if (text === '>' || text.startsWith('holdfast.')) return patternFilter(text);
  const prefix = text.endsWith('*');
  const subject: SubjectFilter = {
    kind: prefix ? 'prefix' : 'exact',
    value: prefix ? text.slice(0, -1) : text,
  };
  return { subject, types: null };
}

/** Subjects of events are `holdfast.event.<noun>.<type>.<host>.<key>`: six tokens. */
const SUBJECT_TOKENS = 6;

/** A NATS filter, as far as can be said by types, and the rest of it as a pattern. */
function patternFilter(pattern: string): SubjectAndTypes {
  const given = checkedPattern(pattern).split('.');
  const open = given.at(-1) === '>';
  const tokens = open
    ? [...given.slice(0, -1), ...Array(SUBJECT_TOKENS).fill('*')].slice(0, SUBJECT_TOKENS)
    : given;
  const fits = (at: number, text: string) => tokens[at] === '*' || tokens[at] === text;
  const long_enough = tokens.length === SUBJECT_TOKENS && given.length <= SUBJECT_TOKENS;
  if (!(long_enough && fits(0, 'holdfast') && fits(1, 'event'))) return { subject: null, types: [] };
  const named = tokens[2] !== '*' || tokens[3] !== '*';
  const types = Object.entries(EVENTS).filter(([type, { noun }]) => fits(2, noun) && fits(3, type));
  return {
    subject: tokens[4] === '*' && tokens[5] === '*' ? null : { kind: 'pattern', value: pattern },
    types: named ? types.map(([type]) => type) : null,
  };
}

function checkedPattern(pattern: string): string {
  const tokens = pattern.split('.');
  const sound = tokens.every(
    (token, at) => token === '*' || (token === '>' ? at === tokens.length - 1 : /^[^\s*>]+$/.test(token)),
  );
  if (sound) return pattern;
  throw new HoldfastError('bad_request', `subject: ${pattern} is no NATS subject filter`);
}

function both(left: readonly string[] | null, right: readonly string[] | null): readonly string[] | null {
  if (left === null || right === null) return left ?? right;
  return left.filter((type) => right.includes(type));
}

function timeRange({ since, until }: AuditFilters): { since_ms: number | null; until_ms: number | null } {
  const range = {
    since_ms: since === undefined ? null : Date.parse(since),
    until_ms: until === undefined ? null : Date.parse(until),
  };
  if (range.since_ms !== null && range.until_ms !== null && range.since_ms > range.until_ms)
    throw new HoldfastError('bad_request', `since: ${since} is after until: ${until}`);
  return range;
}

function searchWords(q: string | undefined): readonly string[] {
  if (q === undefined) return [];
  const found = [...new Set(q.split(/\s+/).flatMap(wordsOf))];
  if (found.length > 0) return found;
  throw new HoldfastError('bad_request', `q: ${q} has no letter or digit`);
}

/** `conversacion_0*` asks for the word `conversacion` and one that begins with `0`. */
function wordsOf(text: string): string[] {
  const found = words(text);
  return text.endsWith('*') ? found.map((word, at) => (at === found.length - 1 ? `${word}*` : word)) : found;
}

/** Equal for queries that ask the same in the same order: what a cursor is bound to. */
export function fingerprint(query: AuditQuery, order: Order): string {
  return JSON.stringify([
    order,
    query.types?.toSorted() ?? null,
    query.subject && [query.subject.kind, query.subject.value],
    query.source,
    query.protected_source,
    query.host,
    query.actor,
    query.correlation_id,
    query.since_ms,
    query.until_ms,
    query.words.toSorted(),
  ]);
}
