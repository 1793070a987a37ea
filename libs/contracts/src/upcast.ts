import { EVENTS, type EventType, type HoldfastEvent, isEventType } from './catalog.ts';
import { Envelope } from './envelope.ts';
import { HoldfastError } from './errors.ts';

type Raise = (data: unknown) => unknown;

/** `UPCASTS[type][n]` raises data of version n + 1 to n + 2. The history is never rewritten: old events are raised as they are read. */
const UPCASTS: Partial<Record<EventType, readonly Raise[]>> = {};

/** How the version of an event's data is written into the envelope. */
export function dataSchema(type: EventType): string {
  return `holdfast:${type}:${EVENTS[type].version}`;
}

function versionOf(type: EventType, dataschema: string): number {
  const [scheme, name, version] = dataschema.split(':');
  const number = Number(version);
  if (scheme === 'holdfast' && name === type && Number.isSafeInteger(number) && number >= 1) return number;
  throw new HoldfastError('event_invalid', `${type} has the dataschema ${dataschema}`);
}

/** Data of an older version as the newest; `event_invalid` for a version that this Holdfast does not know yet. */
export function upcast(
  type: EventType,
  dataschema: string,
  data: unknown,
  history = { newest: EVENTS[type].version as number, raises: UPCASTS[type] ?? [] },
): unknown {
  const version = versionOf(type, dataschema);
  if (version > history.newest || history.raises.length < history.newest - 1)
    throw new HoldfastError('event_invalid', `${type} of version ${version} cannot be read here`);
  return history.raises.slice(version - 1).reduce((raised, raise) => raise(raised), data);
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new HoldfastError('event_invalid', 'not UTF-8 JSON', { cause });
  }
}

/**
 * An event from its bytes on the wire: envelope and data checked against the catalogue, older versions raised.
 * Rejects everything else with `event_invalid` and the first thing that is wrong.
 */
export function parseEvent(bytes: Uint8Array): HoldfastEvent {
  const json = parseJson(bytes);
  const envelope = Envelope.safeParse(json);
  if (!envelope.success) throw invalid('envelope', envelope.error.issues);
  const { type, dataschema } = envelope.data;
  if (!isEventType(type)) throw new HoldfastError('event_invalid', `unknown event type ${type}`);
  const data = upcast(type, dataschema, (json as { data?: unknown }).data);
  return { ...envelope.data, dataschema: dataSchema(type), data: parseData(type, data) } as HoldfastEvent;
}

/** Data as the catalogue's schema of the type reads it; `event_invalid` names the field that does not fit. */
export function parseData(type: EventType, data: unknown): unknown {
  const parsed = EVENTS[type].schema.safeParse(data);
  if (!parsed.success) throw invalid(`data of ${type}`, parsed.error.issues);
  return parsed.data;
}

function invalid(what: string, issues: readonly { path: PropertyKey[]; message: string }[]): HoldfastError {
  const [first] = issues;
  const place = first?.path.map(String).join('.') || 'the whole';
  return new HoldfastError('event_invalid', `${what}: ${place}: ${first?.message ?? 'not valid'}`);
}
