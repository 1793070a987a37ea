import { createRequire } from 'node:module';
import { HoldfastError } from '@holdfast/contracts/errors';
import type { Db } from 'mongodb';
import {
  BSON_TYPE,
  type BsonElement,
  bsonDocument,
  bsonElements,
  bsonField,
  bsonInt32,
} from '../domain/mongodb/bson-bytes.ts';
import { mongoFailure } from './connect.ts';

/** The driver's own part of a message that takes documents as bytes. */
interface DocumentSequence {
  push(document: object, bytes: Buffer): number;
}

// The driver serializes objects only, and objects cannot hold every document. This class is what it then sends; it is
// not part of its promised interface, so its version is pinned and test/mongodb-exact.test.ts would notice.
const { DocumentSequence: Sequence } = createRequire(import.meta.url)('mongodb/lib/cmap/commands.js') as {
  DocumentSequence: new (field: string) => DocumentSequence;
};

/** A message of MongoDB may hold 48 MB and 100,000 documents; more than this keeps others waiting while it is made. */
const BATCH_BYTES = 8 * 1024 * 1024;
const BATCH_DOCUMENTS = 2_000;

/** What takes the commands: a database, or a transaction in one. */
export type CommandTaker = Pick<Db, 'command'>;

/** Stores documents as they are, byte by byte; validators are not asked, they were when these were written. */
export async function insertRaw(
  db: CommandTaker,
  collection: string,
  documents: readonly Buffer[],
): Promise<void> {
  for (const batch of batchesOf(documents)) {
    const command = { insert: collection, ordered: false, bypassDocumentValidation: true };
    await write(db, { ...command, documents: sequenceOf('documents', batch) });
  }
  await keepEmptyTimestamps(db, collection, documents);
}

/** Removes documents by their `_id`. */
export async function deleteRaw(
  db: CommandTaker,
  collection: string,
  ids: readonly BsonElement[],
): Promise<void> {
  const statements = ids.map((id) =>
    bsonDocument([documentElement('q', [{ ...id, name: '_id' }]), bsonInt32('limit', 1)]),
  );
  for (const batch of batchesOf(statements)) {
    await write(db, { delete: collection, ordered: false, deletes: sequenceOf('deletes', batch) });
  }
}

/** Puts documents in the place of those with their `_id`, where they stand; one that is not there comes last. */
export async function replaceRaw(
  db: CommandTaker,
  collection: string,
  documents: readonly { readonly id: BsonElement; readonly document: Buffer }[],
): Promise<void> {
  const statements = documents.map(({ id, document }) =>
    bsonDocument([
      documentElement('q', [{ ...id, name: '_id' }]),
      { type: BSON_TYPE.document, name: 'u', value: document },
      { type: BSON_TYPE.boolean, name: 'upsert', value: Buffer.from([1]) },
    ]),
  );
  for (const batch of batchesOf(statements)) {
    const command = { update: collection, ordered: true, bypassDocumentValidation: true };
    await write(db, { ...command, updates: sequenceOf('updates', batch) });
  }
  await keepEmptyTimestamps(
    db,
    collection,
    documents.map(({ document }) => document),
  );
}

/** MongoDB puts the time of day where a whole document is written with an empty timestamp in it: that is taken back. */
async function keepEmptyTimestamps(
  db: CommandTaker,
  collection: string,
  documents: readonly Buffer[],
): Promise<void> {
  const statements = documents.flatMap((document) => {
    const empty = emptyTimestamps(document);
    const id = bsonField(document, '_id');
    if (empty.length === 0 || id === undefined) return [];
    return bsonDocument([
      documentElement('q', [{ ...id, name: '_id' }]),
      documentElement('u', [documentElement('$set', empty)]),
    ]);
  });
  for (const batch of batchesOf(statements)) {
    const command = { update: collection, ordered: false, bypassDocumentValidation: true };
    await write(db, { ...command, updates: sequenceOf('updates', batch) });
  }
}

const EMPTY_TIMESTAMP = Buffer.alloc(8);

function emptyTimestamps(document: Buffer): BsonElement[] {
  // Hardly any document has one; most are seen through at once.
  if (!document.includes(EMPTY_TIMESTAMP)) return [];
  return [...bsonElements(document)].filter(
    ({ type, value }) => type === BSON_TYPE.timestamp && value.equals(EMPTY_TIMESTAMP),
  );
}

function documentElement(name: string, elements: readonly BsonElement[]): BsonElement {
  return { type: BSON_TYPE.document, name, value: bsonDocument(elements) };
}

function sequenceOf(field: string, documents: readonly Buffer[]): DocumentSequence {
  const sequence = new Sequence(field);
  for (const document of documents) sequence.push({}, document);
  return sequence;
}

async function write(db: CommandTaker, command: Record<string, unknown>): Promise<void> {
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
