import {
  AckPolicy,
  type ConsumerConfig,
  DeliverPolicy,
  type JetStreamManager,
  ReplayPolicy,
} from '@nats-io/jetstream';
import { nanos, nuid } from '@nats-io/nats-core';
import type { Link } from './link.ts';
import { type Pulled, pullAll } from './pull.ts';

const INACTIVE_MS = 30_000;

/** JetStream over one connection. */
export interface Stores {
  readonly link: Link;
  readonly manager: JetStreamManager;
}

/** A filter as the server wants it: a single one has a field of its own. */
export function filterFields(filters: readonly string[] = []): Partial<ConsumerConfig> {
  if (filters.length === 0) return {};
  const [first] = filters;
  return filters.length === 1 && first !== undefined
    ? { filter_subject: first }
    : { filter_subjects: [...filters] };
}

/** Makes a short-lived consumer that keeps no state on disk; the server forgets it when nobody reads. */
export async function openReader(
  { link, manager }: Stores,
  stream: string,
  config: Partial<ConsumerConfig>,
): Promise<string> {
  const wanted = {
    // Several filters are only taken by the older call, which wants a durable name.
    ...(config.filter_subjects === undefined ? { name: nuid.next() } : { durable_name: nuid.next() }),
    ack_policy: AckPolicy.None,
    deliver_policy: DeliverPolicy.All,
    replay_policy: ReplayPolicy.Instant,
    inactive_threshold: nanos(INACTIVE_MS),
    mem_storage: true,
    ...config,
  };
  const info = await link.untilLost(`reading ${stream}`, () => manager.consumers.add(stream, wanted));
  return info.name;
}

/** What a stream holds now, in order. */
export async function* readStream(
  stores: Stores,
  stream: string,
  config: Partial<ConsumerConfig>,
): AsyncGenerator<Pulled> {
  yield* pullAll(stores.link, stream, await openReader(stores, stream, config));
}
