import { EVENTS, type EventType, type ServiceName } from '@holdfast/contracts/catalog';
import {
  ALL_COMMANDS,
  ALL_EVENTS,
  ALL_RPC,
  ANY_DEADLETTER,
  BUCKETS,
  bucketStream,
  bucketSubjects,
  COMMANDS_STREAM,
  CREATE_BACKUP,
  commandFilter,
  DEADLETTERS_STREAM,
  EVENTS_STREAM,
  eventFilter,
  inboxPrefix,
  JETSTREAM,
  rpcFilter,
} from '@holdfast/contracts/subjects';
import type { Permissions } from './jwt.ts';

const eventTypes = Object.keys(EVENTS) as EventType[];

/**
 * A service tells its own kinds of events, about its own host; reads the log; takes part in the shared buckets as the
 * table says. It can change no stream: not its settings, not its messages.
 */
export function servicePermissions(service: ServiceName, host: string): Permissions {
  const own = eventTypes.filter((type) => [service, 'any'].includes(EVENTS[type].publisher));
  return {
    publish: [
      ...own.map((type) => eventFilter(type, host)),
      ALL_COMMANDS,
      ALL_RPC,
      ANY_DEADLETTER,
      JETSTREAM.info,
      ...[EVENTS_STREAM, DEADLETTERS_STREAM].flatMap(readStream),
      ...(service === 'backup' ? JETSTREAM.consumers(COMMANDS_STREAM) : []),
      ...Object.entries(BUCKETS).flatMap(([bucket, writers]) => useBucket(service, bucket, writers)),
    ],
    subscribe: [`${inboxPrefix(service)}.>`, rpcFilter(service, host)],
    answers: true,
  };
}

const readStream = (stream: string) => [
  JETSTREAM.streamInfo(stream),
  ...JETSTREAM.reads(stream),
  ...JETSTREAM.consumers(stream),
];

function useBucket(service: ServiceName, bucket: string, writers: readonly ServiceName[]): string[] {
  const stream = bucketStream(bucket);
  return [...readStream(stream), ...(writers.includes(service) ? [bucketSubjects(bucket)] : [])];
}

/** People who look on: all events, nothing else, not a word back. */
export const OPS_PERMISSIONS: Permissions = {
  publish: [],
  subscribe: [ALL_EVENTS, `${inboxPrefix('ops')}.>`],
};

/** A pipeline that deploys: it may ask this host for a backup, and is told that its command is kept; nothing else. */
export function deployPermissions(host: string): Permissions {
  return {
    publish: [commandFilter('backup', host, CREATE_BACKUP)],
    subscribe: [`${inboxPrefix('deploy')}.>`],
  };
}
