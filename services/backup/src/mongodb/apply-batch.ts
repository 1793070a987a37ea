import type { Db } from 'mongodb';
import { type BsonElement, bsonField } from '../domain/mongodb/bson-bytes.ts';
import { type ChangeEvent, keyOf } from '../domain/mongodb/change-event.ts';
import type { ClusterTime } from '../domain/mongodb/cluster-time.ts';
import { type DocumentChange, idsToFetch, replayBatch } from '../domain/mongodb/replay-batch.ts';
import { exactValue, hasExactValue } from './exact-value.ts';
import { findRaw } from './raw-find.ts';
import { deleteRaw, insertRaw, replaceRaw } from './raw-write.ts';

export interface Batch {
  /** Of one collection, in the order of the log. */
  readonly changes: readonly ChangeEvent[];
  /** Up to here documents may be newer than the changes. */
  readonly settled_after: ClusterTime;
  /** A capped collection: documents stay where they are. */
  readonly keeps_order: boolean;
}

/** Brings a collection that is being put together forward by some changes. Each document is written once. */
export async function applyBatch(db: Db, place: string, batch: Batch): Promise<void> {
  const { changes, settled_after, keeps_order } = batch;
  const there = await documentsOf(db, place, idsToFetch(changes));
  const results = [...replayBatch(changes, there, settled_after).values()];
  const inPlace = ({ document, replaces }: DocumentChange) => keeps_order && replaces && document !== null;
  // What stands there makes room first: a changed document is put back whole, with its fields in their order.
  const gone = results.filter((result) => result.replaces && !inPlace(result));
  await deleteRaw(
    db,
    place,
    gone.map(({ id }) => id),
  );
  await replaceRaw(
    db,
    place,
    results.filter(inPlace).flatMap(({ id, document }) => (document === null ? [] : [{ id, document }])),
  );
  await insertRaw(
    db,
    place,
    results.flatMap((result) => (result.document === null || inPlace(result) ? [] : [result.document])),
  );
}

async function documentsOf(db: Db, place: string, ids: readonly BsonElement[]): Promise<Map<string, Buffer>> {
  const found = new Map<string, Buffer>();
  const wanted = new Set(ids.map(keyOf));
  const [named, others] = [ids.filter(hasExactValue), ids.filter((id) => !hasExactValue(id))];
  const fetch = async (filter: object) => {
    for await (const documents of findRaw(db, { find: place, filter })) {
      for (const document of documents) {
        const id = bsonField(document, '_id');
        if (id !== undefined && wanted.has(keyOf(id))) found.set(keyOf(id), document);
      }
    }
  };
  if (named.length > 0) await fetch({ _id: { $in: named.map(exactValue) } });
  // No query names these exactly: all documents with ids of their types are looked at.
  const types = new Set(others.map(({ type }) => type));
  if (types.size > 0) await fetch({ _id: { $type: [...types] } });
  return found;
}
