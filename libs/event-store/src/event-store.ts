import type { EventType, HoldfastEvent } from '@holdfast/contracts/catalog';

/** An event as it was read: with its place in the stream. */
export interface StoredEvent<Type extends EventType = EventType> {
  readonly event: HoldfastEvent<Type>;
  /** The exact bytes on the wire: what audit keeps. */
  readonly bytes: Uint8Array;
  readonly seq: number;
  /** 1 at first delivery. */
  readonly delivery: number;
  readonly received_at_ms: number;
}

export interface AppendOptions {
  /** Refuse with `event_conflict` unless the last event on the first event's subject has this sequence (0: none). */
  expected_last_seq?: number;
}

/** How a durable consumer reads. */
export interface ConsumeOptions {
  /** Made with `durableName()`; the same name goes on where it stopped. */
  durable: string;
  /** Subject filters, made with `eventFilter()`; none: all events. */
  filters?: string[];
  /**
   * `projection`: in order, batch by batch, acknowledged cumulatively; an error stops it and is retried from the
   * same place for ever. `reactor`: an event that keeps failing (8 deliveries with backoff) is parked in DEADLETTERS.
   */
  kind: 'projection' | 'reactor';
  /** At most so many events a call; default 256. */
  batch?: number;
}

/** Called with what is there, in stream order; the events are acknowledged after it resolves. Must be idempotent by event id. */
export type Handler = (events: readonly StoredEvent[]) => Promise<void>;

export interface Consumer extends AsyncDisposable {
  /** Events that are not acknowledged yet. */
  lag(): Promise<number>;
  /** Settles when the consumer has stopped; rejects where it cannot go on. */
  readonly done: Promise<void>;
}

/**
 * The append-only stream of events. Two implementations, one conformance suite: JetStream and memory.
 * All methods reject with `nats_unreachable` when the server cannot be asked; nothing is then known of the outcome.
 */
export interface EventStore extends AsyncDisposable {
  /**
   * Appends all or none, durably, in order; at most 1,000. Appending an event id again within the server's window is
   * no second event; consumers deduplicate by id all the same.
   */
  append(events: readonly HoldfastEvent[], options?: AppendOptions): Promise<{ last_seq: number }>;
  /** Reads durably: resolves once the consumer exists. */
  consume(options: ConsumeOptions, handler: Handler): Promise<Consumer>;
  /** Reads from a sequence up to what is there now, without a durable consumer. */
  read(from_seq: number, filters?: string[]): AsyncIterable<StoredEvent>;
  last_seq(): Promise<number>;
}
