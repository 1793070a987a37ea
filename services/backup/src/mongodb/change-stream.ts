import { HoldfastError, isHoldfastError } from '@holdfast/contracts/errors';
import { BSON, type ClientSession, type Db, Long, Timestamp } from 'mongodb';
import { bsonElements, bsonField, bsonText } from '../domain/mongodb/bson-bytes.ts';
import { type ClusterTime, compareTimes, timeOfToken } from '../domain/mongodb/cluster-time.ts';
import { isMongoError, mongoFailure } from './connect.ts';

/** Where a stream begins: after a token that it handed out, or at a time. */
export type StreamStart = { readonly token: Buffer } | { readonly time: ClusterTime };

/** What one look at the stream brought. */
export interface StreamBatch {
  readonly events: readonly Buffer[];
  /** The stream has looked at everything up to here. */
  readonly token: Buffer;
  readonly through: ClusterTime;
}

/** An open change stream of one database. The driver's own does not hand out bytes. */
export interface ChangeStream extends AsyncDisposable {
  /** What is there, or an empty batch after waiting a little. Rejects with `change_history_lost`. */
  next(): Promise<StreamBatch>;
}

const WAIT_MS = 200;
/** So many are taken apart at a time: others have their turn in between. */
const BATCH_EVENTS = 500;
/** The server does not have, or does not know, the place where the stream was to go on. */
const HISTORY_LOST = 286;
/** A document of nearly 16 MiB whose event does not fit into a message: a new base holds it. */
const EVENT_TOO_LARGE = 10334;
const HISTORY_CODES = new Set([HISTORY_LOST, EVENT_TOO_LARGE, 280, 260, 136, 9, 50811, 40615, 40647, 40649]);

/** Opens a stream with all kinds of events, over some collections or (none named) all of the database. */
export async function openChangeStream(
  db: Db,
  collections: readonly string[],
  start: StreamStart,
): Promise<ChangeStream> {
  // The cursor belongs to its session.
  const session = db.client.startSession({ causalConsistency: false });
  let cursor: Cursor;
  try {
    cursor = await openCursor(db, session, pipelineOf(collections, start));
  } catch (error) {
    await session.endSession();
    throw error;
  }
  const close = async () => {
    if (!cursor.id.isZero()) await kill(db, session, cursor);
    await session.endSession();
  };
  return {
    next: async () => {
      // An event that ends the stream (the database was dropped) leaves none to ask: it is opened anew after it.
      if (cursor.first === null && cursor.id.isZero()) {
        cursor = await openCursor(db, session, pipelineOf(collections, { token: cursor.token }));
      }
      const { first } = cursor;
      cursor = { ...cursor, first: null };
      if (first !== null && first.events.length > 0) return first;
      const batch = await getMore(db, session, cursor);
      cursor = batch.cursor;
      return batch;
    },
    [Symbol.asyncDispose]: close,
  };
}

interface Cursor {
  readonly id: Long;
  readonly token: Buffer;
  readonly first: StreamBatch | null;
}

const COLLECTION = '$cmd.aggregate';

async function openCursor(db: Db, session: ClientSession, pipeline: object[]): Promise<Cursor> {
  const command = {
    aggregate: 1,
    pipeline,
    cursor: { batchSize: BATCH_EVENTS },
    readConcern: { level: 'majority' },
  };
  return told(async () => {
    const reply = await db.command(command, { session, raw: true });
    return cursorOf(reply['cursor'] as Buffer, 'firstBatch');
  });
}

async function getMore(db: Db, session: ClientSession, cursor: Cursor) {
  const command = { getMore: cursor.id, collection: COLLECTION, batchSize: BATCH_EVENTS, maxTimeMS: WAIT_MS };
  return told(async () => {
    const reply = await db.command(command, { session, raw: true });
    const next = cursorOf(reply['cursor'] as Buffer, 'nextBatch');
    return { ...(next.first as StreamBatch), cursor: { ...next, first: null } };
  });
}

async function kill(db: Db, session: ClientSession, { id }: Cursor): Promise<void> {
  try {
    await db.command({ killCursors: COLLECTION, cursors: [id] }, { session });
  } catch {
    // The server forgets it by itself; what was read is not touched by it.
  }
}

function cursorOf(bytes: Buffer, name: string): Cursor {
  const own = Buffer.from(bytes);
  const id = bsonField(own, 'id');
  const batch = bsonField(own, name);
  const token = bsonField(own, 'postBatchResumeToken')?.value;
  if (id === undefined || batch === undefined || token === undefined)
    throw new HoldfastError('internal', 'MongoDB sends no resume token');
  const events = [...bsonElements(batch.value)].map(({ value }) => value);
  const first = { events, token, through: throughOf(token) };
  return { id: Long.fromBytesLE([...id.value]), token, first };
}

function throughOf(token: Buffer): ClusterTime {
  const data = bsonField(token, '_data');
  const time = data === undefined ? null : timeOfToken(bsonText(data));
  if (time === null) throw new HoldfastError('internal', 'MongoDB sends resume tokens of an unknown form');
  return time;
}

function pipelineOf(collections: readonly string[], start: StreamStart): object[] {
  const from =
    'token' in start
      ? { startAfter: BSON.deserialize(start.token) }
      : { startAtOperationTime: new Timestamp({ t: start.time.seconds, i: start.time.increment }) };
  const stage = { $changeStream: { showExpandedEvents: true, ...from } };
  if (collections.length === 0) return [stage];
  const $or = [
    { 'ns.coll': { $in: collections } },
    { 'to.coll': { $in: collections } },
    { operationType: { $in: ['dropDatabase', 'invalidate'] } },
  ];
  return [stage, { $match: { $or } }];
}

async function told<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (isMongoError(error) && HISTORY_CODES.has(Number(error.code))) {
      const message = 'MongoDB does not have the changes since the last backup';
      throw new HoldfastError('change_history_lost', message, { cause: error });
    }
    throw mongoFailure(error);
  }
}

/**
 * Rejects with `change_history_lost` where the server never made the event of this token: it was put back to an older
 * state, or is another one. A place between events would be taken without a word.
 */
export async function confirmEvent(db: Db, collections: readonly string[], token: Buffer): Promise<void> {
  try {
    await using stream = await openChangeStream(db, collections, { token });
    await stream.next();
  } catch (error) {
    // So old that the server has forgotten it: nothing is known of it, and where the log goes on is checked by itself.
    if (isHoldfastError(error) && isMongoError(error.cause) && error.cause.code === HISTORY_LOST) return;
    throw error;
  }
}

/** True once the stream has looked at everything up to a moment. */
export function hasReached(batch: StreamBatch, until: ClusterTime): boolean {
  const order = compareTimes(batch.through, until);
  return order > 0 || (order === 0 && batch.events.length === 0);
}
