import type { HoldfastEvent } from '@holdfast/contracts/catalog';
import { words } from '../query/words.ts';

/** What the log keeps of an event beside its bytes, so that it can be found. */
export interface EntryColumns {
  readonly id: string;
  readonly type: string;
  readonly subject: string;
  readonly source: string;
  readonly host: string;
  /** The protected source that the event is about, if it is about one. */
  readonly protected_source: string | null;
  readonly actor: string;
  readonly correlationid: string;
  readonly time_ms: number;
}

/** The host that an event comes from: the middle of `holdfast/<host>/<service>`. */
export function hostOf(source: string): string {
  return source.split('/')[1] ?? '';
}

export function columnsOf(event: HoldfastEvent): EntryColumns {
  const { source } = event.data as { source?: unknown };
  return {
    id: event.id,
    type: event.type,
    subject: event.subject,
    source: event.source,
    host: hostOf(event.source),
    protected_source: typeof source === 'string' ? source : null,
    actor: event.actor,
    correlationid: event.correlationid,
    time_ms: Date.parse(event.time),
  };
}

/** Nobody searches for these by their words, and each would be a word of its own in the index. */
const OPAQUE = /^(?:(?:sha256:)?[0-9a-f]{32,}|[0-9A-HJKMNP-TV-Z]{26}|\d{4}-\d\d-\d\dT[\d:.]+Z)$/;

/** The distinct words that `q` finds an event by: its type, subject, actor, and the texts in its data. */
export function eventWords(event: HoldfastEvent): string[] {
  const found = new Set<string>([event.type.toLowerCase()]);
  collect([event.subject, event.actor, event.data], found);
  return [...found];
}

/** True where the event has all the words of a query. */
export function hasWords(event: HoldfastEvent, asked: readonly string[]): boolean {
  const own = eventWords(event);
  return asked.every((word) =>
    word.endsWith('*') ? own.some((one) => one.startsWith(word.slice(0, -1))) : own.includes(word),
  );
}

function collect(value: unknown, found: Set<string>): void {
  if (typeof value === 'string') {
    if (!OPAQUE.test(value)) for (const word of words(value)) found.add(word);
  } else if (typeof value === 'object' && value !== null) {
    for (const part of Object.values(value)) collect(part, found);
  }
}
