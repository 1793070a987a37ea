import { HoldfastError } from '@holdfast/contracts/errors';
import { bucketStream, bucketSubjects } from '@holdfast/contracts/subjects';
import { DeliverPolicy, jetstream } from '@nats-io/jetstream';
import { type KV, Kvm } from '@nats-io/kv';
import type { KeyValue, KeyValueWatcher } from './key-value.ts';
import type { Log } from './log.ts';
import { type Pulled, startPull } from './pull.ts';
import { openReader, readStream, type Stores } from './stream-reader.ts';

/** Opens a bucket that the provisioner has made; `not_found` where there is none. */
export async function openKeyValue(stores: Stores, bucket: string, log: Log): Promise<KeyValue> {
  const { link } = stores;
  const kv = await link.untilLost(`bucket ${bucket}`, () => new Kvm(jetstream(link.nc)).open(bucket));
  await link.untilLost(`bucket ${bucket}`, () => knownBucket(stores, bucket));
  return {
    get: async (key) => {
      const entry = await link.untilLost(`get ${key}`, () => kv.get(key));
      return entry === null || entry.operation !== 'PUT'
        ? null
        : { value: entry.value, revision: entry.revision };
    },
    create: (key, value) => link.untilLost(`put ${key}`, () => kv.create(key, value)),
    put: (key, value, expected_revision) =>
      link.untilLost(`put ${key}`, () => putOver(kv, key, value, expected_revision)),
    delete: (key) => link.untilLost(`delete ${key}`, () => kv.delete(key)),
    keys: async () => {
      const latest = readStream(stores, bucketStream(bucket), {
        deliver_policy: DeliverPolicy.LastPerSubject,
        filter_subject: bucketSubjects(bucket),
        headers_only: true,
      });
      const all = await Array.fromAsync(latest);
      return all.filter((message) => !isDeleted(message)).map((message) => keyOf(bucket, message));
    },
    watch: (on) => watchBucket(stores, { bucket, log }, on),
  };
}

async function knownBucket({ manager }: Stores, bucket: string): Promise<void> {
  try {
    await manager.streams.info(bucketStream(bucket));
  } catch (error) {
    if (!Error.isError(error) || error.name !== 'StreamNotFoundError') throw error;
    throw new HoldfastError('not_found', `NATS has no bucket ${bucket}`, { cause: error });
  }
}

function putOver(kv: KV, key: string, value: Uint8Array, expected_revision?: number): Promise<number> {
  if (expected_revision === undefined) return kv.put(key, value);
  return expected_revision === 0 ? kv.create(key, value) : kv.update(key, value, expected_revision);
}

const isDeleted = ({ headers }: Pulled) => ['DEL', 'PURGE'].includes(headers?.get('KV-Operation') ?? '');
const keyOf = (bucket: string, { subject }: Pulled) => subject.slice(bucketSubjects(bucket).length - 1);

interface Watch {
  bucket: string;
  log: Log;
}

/** After a break it goes on behind the last change that it has told. */
async function watchBucket(
  stores: Stores,
  { bucket, log }: Watch,
  on: KeyValueWatcher,
): Promise<AsyncDisposable> {
  const stream = bucketStream(bucket);
  let last_seq = 0;
  const tell = (message: Pulled) => {
    if (message.seq <= last_seq) return;
    last_seq = message.seq;
    on(keyOf(bucket, message), isDeleted(message) ? null : message.bytes);
  };
  const first = { deliver_policy: DeliverPolicy.LastPerSubject, filter_subject: bucketSubjects(bucket) };
  for await (const message of readStream(stores, stream, first)) if (!isDeleted(message)) tell(message);
  const pull = await startPull(stores.link, {
    stream,
    batch: 100,
    log,
    prepare: () =>
      openReader(stores, stream, {
        deliver_policy: DeliverPolicy.StartSequence,
        opt_start_seq: last_seq + 1,
      }),
    onMessage: tell,
  });
  return { [Symbol.asyncDispose]: () => pull.stop() };
}
