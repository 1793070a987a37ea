import { type ClientSession, type Db, Long } from 'mongodb';
import { bsonDocumentsIn, bsonField } from '../domain/mongodb/bson-bytes.ts';

/** What is asked for, as the command `find` takes it: the name of the collection first. */
export interface RawFind {
  readonly find: string;
  readonly filter?: object;
  readonly sort?: object;
  readonly hint?: object;
  readonly min?: object;
  readonly limit?: number;
}

/** So many documents are taken apart in one turn, so that others have theirs in between. */
const BATCH_DOCUMENTS = 5_000;

/**
 * Documents as bytes, as many at a time as a message of the server holds. A cursor of the driver hands them out one by
 * one, each with a promise of its own: that takes three times as long, and a whole message is one turn.
 */
export async function* findRaw(db: Db, find: RawFind): AsyncGenerator<Buffer[]> {
  // The cursor belongs to its session.
  await using session = db.client.startSession({ causalConsistency: false });
  const command = {
    ...find,
    batchSize: BATCH_DOCUMENTS,
    readConcern: { level: 'majority' },
  };
  let batch = await ask(db, session, command);
  try {
    for (;;) {
      yield batch.documents;
      if (batch.id.isZero()) return;
      const more = { getMore: batch.id, collection: find.find, batchSize: BATCH_DOCUMENTS };
      batch = await ask(db, session, more);
    }
  } finally {
    if (!batch.id.isZero()) await kill(db, session, { killCursors: find.find, cursors: [batch.id] });
  }
}

async function ask(db: Db, session: ClientSession, command: object) {
  const reply = await db.command(command, { session, raw: true });
  const bytes = reply['cursor'] as Uint8Array;
  // Not a copy: messages are large, and the driver is done with this one.
  const cursor = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const id = bsonField(cursor, 'id')?.value ?? Buffer.alloc(8);
  const documents = bsonField(cursor, 'firstBatch') ?? bsonField(cursor, 'nextBatch');
  return {
    id: Long.fromBytesLE([...id]),
    documents: documents === undefined ? [] : bsonDocumentsIn(documents.value),
  };
}

async function kill(db: Db, session: ClientSession, command: object): Promise<void> {
  try {
    await db.command(command, { session });
  } catch {
    // The server forgets it by itself; what was read is not touched by it.
  }
}
