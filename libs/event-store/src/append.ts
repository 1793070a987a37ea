import type { HoldfastEvent } from '@holdfast/contracts/catalog';
import { HoldfastError } from '@holdfast/contracts/errors';
import { subjectOf } from '@holdfast/contracts/subjects';
import { headers, type Msg, type MsgHdrs, nuid } from '@nats-io/nats-core';
import { type AppendOptions, checkCount } from './event-store.ts';
import type { Link } from './link.ts';
import { encode } from './questions.ts';

const TIMEOUT_MS = 5_000;
/** Error codes of JetStream: the last sequence is another one; a message of the batch is there already. */
const WRONG_LAST_SEQUENCE = [10071, 10164];
const BATCH_DUPLICATE = 10201;

interface Reply {
  seq?: number;
  error?: { err_code: number; description: string };
}

interface Outgoing {
  readonly subject: string;
  readonly bytes: Uint8Array;
  readonly headers: MsgHdrs;
}

/** `append` of an EventStore over JetStream: one message, or one atomic batch. */
export async function append(
  link: Link,
  events: readonly HoldfastEvent[],
  options: AppendOptions = {},
): Promise<{ last_seq: number }> {
  const outgoing = toOutgoing(link, events, options);
  const reply = await (outgoing.length === 1 ? publish(link, outgoing[0]) : publishBatch(link, outgoing));
  if (reply.error?.err_code !== BATCH_DUPLICATE) return { last_seq: seqIn(reply) };
  // A batch that came through and whose acknowledgement did not: singly, what is there is known by its id.
  let last_seq = 0;
  for (const one of toOutgoing(link, events, options)) last_seq = seqIn(await publish(link, one));
  return { last_seq };
}

function toOutgoing(link: Link, events: readonly HoldfastEvent[], options: AppendOptions): Outgoing[] {
  const { nc } = link;
  checkCount(events);
  return events.map((event, index) => {
    const fields = headers();
    fields.set('Nats-Msg-Id', event.id);
    if (index === 0 && options.expected_last_seq !== undefined)
      fields.set('Nats-Expected-Last-Subject-Sequence', String(options.expected_last_seq));
    const bytes = encode(event);
    if (bytes.length > (nc.info?.max_payload ?? Number.POSITIVE_INFINITY))
      throw new HoldfastError('event_too_large', `${event.type} ${event.id} has ${bytes.length} bytes`);
    return { subject: subjectOf(event), bytes, headers: fields };
  });
}

async function publish(link: Link, one: Outgoing | undefined): Promise<Reply> {
  if (one === undefined) throw new HoldfastError('internal', 'nothing to publish');
  const { subject, bytes } = one;
  const sent = () => link.nc.request(subject, bytes, { headers: one.headers, timeout: TIMEOUT_MS });
  return replyIn(await link.untilLost(`append to ${subject}`, sent));
}

/** Only the last message is answered: one round trip for all, synced before the answer. */
async function publishBatch(link: Link, batch: readonly Outgoing[]): Promise<Reply> {
  const id = nuid.next();
  for (const [index, one] of batch.entries()) {
    one.headers.set('Nats-Batch-Id', id);
    one.headers.set('Nats-Batch-Sequence', String(index + 1));
  }
  const last = batch.at(-1);
  last?.headers.set('Nats-Batch-Commit', '1');
  return link.untilLost(`append of ${batch.length} events`, async () => {
    for (const one of batch.slice(0, -1)) link.nc.publish(one.subject, one.bytes, { headers: one.headers });
    return publish(link, last);
  });
}

function replyIn(msg: Msg): Reply {
  return msg.json<Reply>();
}

function seqIn({ seq, error }: Reply): number {
  if (seq !== undefined && error === undefined) return seq;
  const { err_code = 0, description = 'no sequence in the acknowledgement' } = error ?? {};
  if (WRONG_LAST_SEQUENCE.includes(err_code)) throw new HoldfastError('event_conflict', description);
  throw new HoldfastError(
    /space|resources/.test(description) ? 'storage_full' : 'nats_unreachable',
    description,
  );
}
