import { createHash } from 'node:crypto';
import { EVENTS, type EventType, type HoldfastEvent, SERVICES, type ServiceName } from './catalog.ts';

// The only place where a subject, a stream, a bucket or a durable name is spelled.

export const EVENTS_STREAM = 'EVENTS';
export const COMMANDS_STREAM = 'COMMANDS';
export const DEADLETTERS_STREAM = 'DEADLETTERS';
export const TOKENS_BUCKET = 'TOKENS';
export const LEASES_BUCKET = 'LEASES';

export const ALL_EVENTS = 'holdfast.event.>';
export const ALL_COMMANDS = 'holdfast.command.>';
export const ALL_DEADLETTERS = 'holdfast.deadletter.>';

/** A host, noun or key as one subject token: what NATS reserves or forbids becomes `_`. */
export function token(text: string): string {
  return text.replace(/[\s.*>\p{Cc}]/gu, '_') || '_';
}

/** The key of a file: the first 32 hex digits of SHA-256 over host, NUL and path. */
function fileKey(host: string, path: string): string {
  return createHash('sha256').update(`${host}\0${path}`).digest('hex').slice(0, 32);
}

/** `holdfast.event.<noun>.<EventName>.<host>.<key>` */
function eventSubject(type: EventType, host: string, key: string): string {
  return `holdfast.event.${EVENTS[type].noun}.${type}.${token(host)}.${token(key)}`;
}

/** The subject that an event travels on; events about a file are keyed by the file. */
export function subjectOf(event: HoldfastEvent): string {
  const host = event.source.split('/')[1] ?? '_';
  const key = EVENTS[event.type].noun === 'file' ? fileKey(host, event.subject) : event.subject;
  return eventSubject(event.type, host, key);
}

/** All events of one type, of one host or of all. */
export function eventFilter(type: EventType, host?: string): string {
  return `holdfast.event.${EVENTS[type].noun}.${type}.${host === undefined ? '*' : token(host)}.>`;
}

/** `holdfast.rpc.<service>.<verb>.<host>`: a question with one answer. */
export function rpcSubject(service: ServiceName, verb: string, host: string): string {
  return `holdfast.rpc.${service}.${verb}.${token(host)}`;
}

/** `holdfast.command.<service>.<Verb>.<host>.<key>`: something that is to be done once; `key` is the sender's own name for it. */
export function commandSubject(
  service: ServiceName,
  verb: string,
  { host, key }: { host: string; key: string },
): string {
  return `holdfast.command.${service}.${verb}.${token(host)}.${token(key)}`;
}

/** Every command to one service of one host, or those of one verb. */
export function commandFilter(service: ServiceName, host: string, verb = '*'): string {
  return `holdfast.command.${service}.${verb}.${token(host)}.>`;
}

/** The command for a backup. */
export const CREATE_BACKUP = 'CreateBackup';

/** Where a message that keeps failing is parked. */
export function deadLetterSubject(consumer: string): string {
  return `holdfast.deadletter.${token(consumer)}`;
}

/** The durable consumer of one reader: `<service>-<host>-<purpose>`. */
export function durableName(service: ServiceName, host: string, purpose: string): string {
  return `${service}-${token(host)}-${token(purpose)}`.replace(/[/\\]/g, '_');
}

// What the server itself names: the JetStream API, its acknowledgements, its own questions. Permissions follow these.

/** Buckets of shared state, and who may write them. */
export const BUCKETS = { [TOKENS_BUCKET]: ['audit'], [LEASES_BUCKET]: SERVICES } as const satisfies Record<
  string,
  readonly ServiceName[]
>;

/** The stream behind a bucket, and the subjects of its keys. */
export const bucketStream = (bucket: string) => `KV_${bucket}`;
export const bucketSubjects = (bucket: string) => `$KV.${bucket}.>`;

/** The subjects that JetStream answers on. */
export const JETSTREAM = {
  info: '$JS.API.INFO',
  streamInfo: (stream: string) => `$JS.API.STREAM.INFO.${stream}`,
  /** Reading single messages, the usual and the direct way. */
  reads: (stream: string) => [
    `$JS.API.STREAM.MSG.GET.${stream}`,
    `$JS.API.DIRECT.GET.${stream}`,
    `$JS.API.DIRECT.GET.${stream}.>`,
  ],
  /** Making a consumer, asking for its state, setting it back, and pulling. */
  consumers: (stream: string) => [
    `$JS.API.CONSUMER.CREATE.${stream}.>`,
    `$JS.API.CONSUMER.DURABLE.CREATE.${stream}.*`,
    `$JS.API.CONSUMER.INFO.${stream}.*`,
    `$JS.API.CONSUMER.RESET.${stream}.*`,
    `$JS.API.CONSUMER.MSG.NEXT.${stream}.*`,
    `$JS.ACK.${stream}.>`,
  ],
  pull: (stream: string, consumer: string) => `$JS.API.CONSUMER.MSG.NEXT.${stream}.${consumer}`,
} as const;

/** Told when a message of EVENTS was delivered to this consumer too often. */
export function maxDeliveriesAdvisory(durable: string): string {
  return `$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.${EVENTS_STREAM}.${durable}`;
}

/** Asked by the supervisor: is the server well? */
export const SERVER_HEALTH = '$SYS.REQ.SERVER.PING.HEALTHZ';

/** The key of the lease on a schedule of one host, in the bucket of leases. */
export function scheduleLeaseKey(host: string, schedule: string): string {
  return `schedule/${token(host).replace(/[^\w.=-]/g, '_')}/${schedule}`;
}

/** Every question to one service of one host. */
export function rpcFilter(service: ServiceName, host: string): string {
  return `holdfast.rpc.${service}.*.${token(host)}`;
}
export const ALL_RPC = 'holdfast.rpc.>';
export const ANY_DEADLETTER = 'holdfast.deadletter.*';

/** The prefix of the answers to one connection: what no other user may read. */
export function inboxPrefix(name: string): string {
  return `_INBOX.${token(name)}`;
}
