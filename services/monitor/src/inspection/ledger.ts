import type { DatabaseSync } from 'node:sqlite';
import type { EventData, EventType, HoldfastEvent } from '@holdfast/contracts/catalog';
import { newEvent, newId, type Origin } from '@holdfast/event-store/new-event';
import type { Outbox } from '@holdfast/event-store/outbox';
import { transaction } from '@holdfast/runtime/sqlite';
import { activeTraceparent, startSpan, withinSpan } from '@holdfast/runtime/telemetry';
import type { FileRegistry } from '../adapters/registry.ts';
import type { Moment } from '../domain/file-inventory/decide.ts';
import { groupRegistrations } from '../domain/file-inventory/group.ts';
import { type Incidents, joinIncident } from '../domain/file-inventory/incident.ts';
import type { Decision, Draft, FileRow } from '../domain/file-inventory/state.ts';
import type { MonitorMetrics } from '../metrics.ts';
import type { MassWatch, Shapes } from './mass-watch.ts';

export interface LedgerParts {
  readonly db: DatabaseSync;
  readonly registry: FileRegistry;
  readonly outbox: Outbox;
  readonly origin: Origin;
  readonly metrics: MonitorMetrics;
  readonly mass: MassWatch;
}

/** Traces that are remembered, so that what ends a case joins the trace of its loss. */
const TRACES_MAX = 1000;
const NO_SHAPES: Shapes = new Map();

/** Makes decisions durable: rows and events in one transaction, then the events go out. */
export class Ledger {
  readonly #parts: LedgerParts;
  readonly #listeners = new Set<(row: FileRow) => unknown>();
  readonly #traces = new Map<string, string>();
  #incidents: Incidents = new Map();

  constructor(parts: LedgerParts) {
    this.#parts = parts;
  }

  /** For the decisions that are made now. */
  moment(): Moment {
    const { origin } = this.#parts;
    const now_ms = origin.clock.now_ms();
    return {
      host: origin.host,
      now_ms,
      incidentId: (source, kind) => {
        const joined = joinIncident(this.#incidents, { source, kind, now_ms, new_id: () => newId(now_ms) });
        this.#incidents = joined.incidents;
        return joined.id;
      },
    };
  }

  /** Durable when this returns. `grouped` folds registrations into `FilesRegistered`; `shapes`: of the files that were read. */
  commit(decisions: readonly Decision[], options: { grouped?: boolean; shapes?: Shapes } = {}): void {
    const changed = decisions.filter(({ put, remove }) => put.length + remove.length > 0);
    if (changed.length === 0) return;
    const drafts = changed.flatMap(({ events }) => events);
    const events = this.#eventsOf(options.grouped ? groupRegistrations(drafts) : drafts);
    const { db, registry, outbox, mass, origin } = this.#parts;
    transaction(db, () => {
      const alarms = options.grouped
        ? []
        : mass.judge(drafts, options.shapes ?? NO_SHAPES, origin.clock.now_ms());
      for (const data of alarms) events.push(this.#alarm(data));
      for (const decision of changed) registry.apply(decision);
      outbox.add(events);
    });
    this.#send(events);
    for (const listener of this.#listeners)
      for (const { put } of changed) for (const row of put) listener(row);
  }

  /** Every row that is put from now on, until the returned function is called. */
  listen(listener: (row: FileRow) => unknown): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** An event that no row of a file stands behind; what `also` writes is durable with it. */
  tell<Type extends EventType>(
    type: Type,
    subject: string,
    { also, ...told }: { data: EventData<Type>; correlationid?: string; also?: () => void },
  ): HoldfastEvent<Type> {
    const event = newEvent(this.#parts.origin, type, { subject, ...told });
    const { db, outbox } = this.#parts;
    transaction(db, () => {
      also?.();
      outbox.add([event as HoldfastEvent]);
    });
    this.#send([event as HoldfastEvent]);
    return event;
  }

  #alarm(data: EventData<'MassChangeDetected'>): HoldfastEvent {
    return newEvent(this.#parts.origin, 'MassChangeDetected', {
      subject: data.source,
      data,
    }) as HoldfastEvent;
  }

  #send(events: readonly HoldfastEvent[]) {
    if (events.length > 0) this.#parts.outbox.wake();
    for (const event of events) this.#parts.metrics.told(event);
  }

  #eventsOf(drafts: readonly Draft[]): HoldfastEvent[] {
    return drafts.map((draft) => {
      const traceparent = this.#traceOf(draft);
      const { type, ...fields } = draft;
      const about = { ...fields, actor: 'unknown', ...(traceparent !== undefined && { traceparent }) };
      return newEvent(this.#parts.origin, type, about as never) as HoldfastEvent;
    });
  }

  /** One trace an incident: it begins with the span that detects the first loss. */
  #traceOf(draft: Draft): string | undefined {
    const { correlationid } = draft;
    if (correlationid === undefined) return undefined;
    const known = this.#traces.get(correlationid);
    if (known !== undefined || (draft.type !== 'FileDeleted' && draft.type !== 'FileCorrupted')) return known;
    const { source, path } = draft.data;
    const attributes = {
      'holdfast.source': source,
      'holdfast.path': path,
      'holdfast.incident': correlationid,
    };
    const span = startSpan('detect loss', { attributes });
    const traceparent = withinSpan(span, activeTraceparent);
    span.end();
    if (traceparent === undefined) return undefined;
    this.#traces.set(correlationid, traceparent);
    const [oldest] = this.#traces.keys();
    if (this.#traces.size > TRACES_MAX && oldest !== undefined) this.#traces.delete(oldest);
    return traceparent;
  }
}
