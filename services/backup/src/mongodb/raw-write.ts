import { createRequire } from 'node:module';
import { HoldfastError } from '@holdfast/contracts/errors';
import type { Db } from 'mongodb';
import { BSON_TYPE, type BsonElement, bsonDocument, bsonInt32 } from '../domain/mongodb/bson-bytes.ts';
import { mongoFailure } from './connect.ts';

/** The driver's own part of a message that takes documents as bytes. */
interface DocumentSequence {
  push(document: object, bytes: Buffer): number;
}

// The driver serializes objects only, and objects cannot hold every document. This class is what it then sends; it is
// not part of its promised interface, so its version is pinned and test/mongodb.test.ts would notice.
const { DocumentSequence: Sequence } = createRequire(import.meta.url)('mongodb/lib/cmap/commands.js') as {
  DocumentSequence: new (field: string) => DocumentSequence;
};

/** A message of MongoDB holds 48 MB at most, and 100,000 documents. */
const BATCH_BYTES = 8 * 1024 * 1024;
const BATCH_DOCUMENTS = 10_000;

/** Stores documents as they are, byte by byte; validators are not asked, they were when these were written. */
export async function insertRaw(db: Db, collection: string, documents: readonly Buffer[]): Promise<void> {
  for (const batch of batchesOf(documents)) {
    const command = { insert: collection, ordered: false, bypassDocumentValidation: true };
    await write(db, { ...command, documents: sequenceOf('documents', batch) });
  }
}

/** Removes documents by their `_id`. */
export async function deleteRaw(db: Db, collection: string, ids: readonly BsonElement[]): Promise<void> {
  const statements = ids.map((id) =>
    bsonDocument([
      { type: BSON_TYPE.document, name: 'q', value: bsonDocument([{ ...id, name: '_id' }]) },
      bsonInt32('limit', 1),
    ]),
  );
  for (const batch of batchesOf(statements)) {
    await write(db, { delete: collection, ordered: false, deletes: sequenceOf('deletes', batch) });
  }
}

function sequenceOf(field: string, documents: readonly Buffer[]): DocumentSequence {
  const sequence = new Sequence(field);
  for (const document of documents) sequence.push({}, document);
  return sequence;
}

async function write(db: Db, command: Record<string, unknown>): Promise<void> {
  let reply: Record<string, unknown>;
  try {
    reply = await db.command({ ...command, writeConcern: { w: 'majority' } });
  } catch (error) {
    throw mongoFailure(error);
  }
  const [failure] = (reply['writeErrors'] ?? []) as { errmsg: string }[];
  if (failure !== undefined) throw new HoldfastError('storage_failed', `MongoDB: ${failure.errmsg}`);
}

function* batchesOf(documents: readonly Buffer[]): Generator<Buffer[]> {
  let batch: Buffer[] = [];
  let bytes = 0;
  for (const document of documents) {
    if (batch.length === BATCH_DOCUMENTS || (bytes > 0 && bytes + document.length > BATCH_BYTES)) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(document);
    bytes += document.length;
  }
  if (batch.length > 0) yield batch;
}
