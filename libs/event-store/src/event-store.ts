import type { EventType, HoldfastEvent, ServiceName } from '@holdfast/contracts/catalog';
import { HoldfastError } from '@holdfast/contracts/errors';
import type { KeyValue } from './key-value.ts';

/** Most events that one append takes: the server's limit for an atomic batch. */
export const APPEND_MAX = 1000;

/** Refuses an append of nothing (`internal`) or of too much (`event_too_large`). */
export function checkCount({ length }: readonly HoldfastEvent[]): void {
  if (length === 0) throw new HoldfastError('internal', 'an append of no event');
  if (length > APPEND_MAX)
    throw new HoldfastError('event_too_large', `${length} events are more than ${APPEND_MAX}`);
}

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
  /** At most so many events a call; default 256. A reactor gets redelivered events one by one. */
  batch?: number;
  /** Waits before a second, third … attempt; default `REACTOR_BACKOFF_MS` or `PROJECTION_BACKOFF_MS`. */
  backoff_ms?: readonly number[];
}

/** Called with what is there, in stream order; the events are acknowledged after it resolves. Must be idempotent by event id. */
export type Handler = (events: readonly StoredEvent[]) => Promise<void>;

/** A durable reader at work. Disposing lets what is in hand end. */
export interface Consumer extends AsyncDisposable {
  /** Events that are not acknowledged yet. */
  lag(): Promise<number>;
  /** Gives what was parked from this consumer to its handler again, in order; stops at the first that fails again. */
  replayDeadLetters(): Promise<{ replayed: number; left: number }>;
  /** Settles when the consumer has stopped; rejects where it cannot go on. */
  readonly done: Promise<void>;
}

/** A message that could not be read or kept failing. */
export interface DeadLetter {
  readonly consumer: string;
  readonly subject: string;
  readonly seq: number;
  readonly reason: string;
  readonly bytes: Uint8Array;
}

/**
 * The append-only stream of events. Two implementations, one conformance suite: JetStream and memory.
 * All methods reject with `nats_unreachable` when the server cannot be asked; nothing is then known of the outcome.
 */
export interface EventStore extends AsyncDisposable {
  /**
   * Appends all or none, durably, in order; 1 to 1,000. Appending an event id again within the server's window is
   * no second event; consumers deduplicate by id all the same.
   */
  append(events: readonly HoldfastEvent[], options?: AppendOptions): Promise<{ last_seq: number }>;
  /** Reads durably: resolves once the consumer exists. */
  consume(options: ConsumeOptions, handler: Handler): Promise<Consumer>;
  /** Reads from a sequence up to what is there now, without a durable consumer. */
  read(from_seq: number, filters?: string[]): AsyncIterable<StoredEvent>;
  last_seq(): Promise<number>;
}

/** Answers a question; what it throws reaches the one who asked, with its code. */
export type Answerer = (payload: unknown) => Promise<unknown>;

/** Something that is to be done once. */
export interface Command {
  /** The same at every delivery. */
  readonly id: string;
  readonly verb: string;
  /** The sender's own name for it. */
  readonly key: string;
  readonly payload: unknown;
}

/** Does what a command says, or throws. Must be idempotent by the id: a command may come again. */
export type CommandHandler = (command: Command) => Promise<void>;

/** Whose commands they are. */
export interface CommandsOptions {
  readonly service: ServiceName;
  readonly host: string;
}

/** What the same connection gives beside the events. */
export interface Messaging {
  /**
   * Takes the commands to a service from the work queue, one after the other, and acknowledges each after its handler.
   * One that is refused or keeps failing is parked in DEADLETTERS.
   */
  obey(options: CommandsOptions, handler: CommandHandler): Promise<AsyncDisposable>;
  /** Puts a command (`commandSubject()`) into the work queue; durable when it resolves. */
  command(subject: string, payload: unknown): Promise<void>;
  keyValue(bucket: string): Promise<KeyValue>;
  /** Asks whoever answers on the subject (`rpcSubject()`); `unavailable` where nobody does in time. */
  ask<Answer>(subject: string, payload: unknown, timeout_ms: number): Promise<Answer>;
  answer(subject: string, answerer: Answerer): Promise<AsyncDisposable>;
  /** False while the connection is being made anew. */
  connected(): boolean;
  /** Everything that was ever parked, oldest first. */
  deadLetters(): AsyncIterable<DeadLetter>;
}
