import {
  ALL_COMMANDS,
  ALL_DEADLETTERS,
  ALL_EVENTS,
  BUCKETS,
  COMMANDS_STREAM,
  DEADLETTERS_STREAM,
  EVENTS_STREAM,
  maxDeliveriesAdvisory,
} from '@holdfast/contracts/subjects';
import {
  DiscardPolicy,
  type JetStreamManager,
  jetstream,
  jetstreamManager,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
} from '@nats-io/jetstream';
import { Kvm } from '@nats-io/kv';
import { type NatsConnection, nanos } from '@nats-io/nats-core';
import { type Access, openConnection } from './connection.ts';

/** An event that is appended again within this time is known by its id; after that, consumers know it. */
const DUPLICATES_MS = 120_000;

type Wanted = Partial<StreamConfig> & { name: string };

/** A log: nothing is ever dropped by age or size, nothing may be deleted, and a full disk refuses. */
const log = (name: string, subjects: string[]): Wanted => ({
  name,
  subjects,
  storage: StorageType.File,
  retention: RetentionPolicy.Limits,
  discard: DiscardPolicy.New,
  max_msgs: -1,
  max_bytes: -1,
  max_age: 0,
  deny_delete: true,
  deny_purge: true,
  allow_direct: true,
  duplicate_window: nanos(DUPLICATES_MS),
});

const STREAMS: readonly Wanted[] = [
  { ...log(EVENTS_STREAM, [ALL_EVENTS]), allow_atomic: true },
  log(DEADLETTERS_STREAM, [ALL_DEADLETTERS, maxDeliveriesAdvisory('*')]),
  {
    name: COMMANDS_STREAM,
    subjects: [ALL_COMMANDS],
    storage: StorageType.File,
    retention: RetentionPolicy.Workqueue,
    discard: DiscardPolicy.New,
    duplicate_window: nanos(DUPLICATES_MS),
  },
];

/** Makes what is missing: streams and buckets. What is there is left as it is. */
export async function provision(connection: NatsConnection): Promise<void> {
  const manager = await jetstreamManager(connection);
  for (const wanted of STREAMS) if (!(await exists(manager, wanted.name))) await manager.streams.add(wanted);
  const buckets = new Kvm(jetstream(connection));
  for (const bucket of Object.keys(BUCKETS))
    await buckets.create(bucket, { history: 1, storage: StorageType.File });
}

async function exists(manager: JetStreamManager, stream: string): Promise<boolean> {
  try {
    await manager.streams.info(stream);
    return true;
  } catch (error) {
    if (Error.isError(error) && error.name === 'StreamNotFoundError') return false;
    throw error;
  }
}

/** The same over a connection of its own. */
export async function provisionWith(access: Access): Promise<void> {
  const connection = await openConnection({ ...access, name: 'provisioner' });
  try {
    await provision(connection);
  } finally {
    await connection.close();
  }
}
