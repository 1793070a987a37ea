import { createHash } from 'node:crypto';
import type { EventData, EventType, HoldfastEvent, ServiceName } from '@holdfast/contracts/catalog';
import { dataSchema, parseData } from '@holdfast/contracts/upcast';
import { context, trace } from '@opentelemetry/api';
import { encodeTime, monotonicFactory } from 'ulid';

/** Who speaks: part of every event's source. */
export interface Origin {
  readonly host: string;
  readonly service: ServiceName;
  readonly clock: { now_ms(): number };
}

/** What the teller of an event says; `newEvent` adds who, when and the trace. */
export interface NewEvent<Type extends EventType> {
  /** The path or id that the event is about. */
  subject: string;
  data: EventData<Type>;
  /** The event that this one answers: gives correlation, causation and trace. */
  cause?: Pick<HoldfastEvent, 'id' | 'correlationid' | 'traceparent'>;
  correlationid?: string;
  /** Default `holdfast`: what we did ourselves. Observations of others' deeds say `unknown`. */
  actor?: string;
  /** Counts the events of one aggregate; 0 where nobody counts. */
  aggregateversion?: number;
  /** Default a new ULID; `derivedId()` where telling twice must be telling once. */
  id?: string;
  traceparent?: string;
}

const nextUlid = monotonicFactory();
const CROCKFORD = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/** A ULID that is greater than every other one made in this thread. */
export function newId(now_ms: number): string {
  return nextUlid(now_ms);
}

/** The same ULID for the same seed and time: an event that is told again after a crash is the same event. */
export function derivedId(seed: string, time_ms: number): string {
  const digest = createHash('sha256').update(seed).digest().subarray(0, 16);
  return encodeTime(time_ms, 10) + Array.from(digest, (byte) => CROCKFORD[byte & 31]).join('');
}

/** W3C traceparent of the active span, if one is being recorded. */
function activeTrace(): string | undefined {
  const span = trace.getSpanContext(context.active());
  if (span === undefined) return undefined;
  return `00-${span.traceId}-${span.spanId}-${span.traceFlags.toString(16).padStart(2, '0')}`;
}

/** An event that is ready to be appended; `event_invalid` where its data does not fit the catalogue. */
export function newEvent<Type extends EventType>(
  origin: Origin,
  type: Type,
  fields: NewEvent<Type>,
): HoldfastEvent<Type> {
  const now_ms = origin.clock.now_ms();
  const { cause } = fields;
  const traceparent = fields.traceparent ?? activeTrace() ?? cause?.traceparent;
  const event = {
    specversion: '1.0',
    id: fields.id ?? newId(now_ms),
    type,
    source: `holdfast/${origin.host}/${origin.service}`,
    subject: fields.subject,
    time: new Date(now_ms).toISOString(),
    datacontenttype: 'application/json',
    dataschema: dataSchema(type),
    correlationid: fields.correlationid ?? cause?.correlationid ?? newId(now_ms),
    ...(cause !== undefined && { causationid: cause.id }),
    aggregateversion: fields.aggregateversion ?? 0,
    actor: fields.actor ?? 'holdfast',
    ...(traceparent !== undefined && { traceparent }),
    data: parseData(type, fields.data),
  };
  return event as unknown as HoldfastEvent<Type>;
}
