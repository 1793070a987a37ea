import { isUtf8 } from 'node:buffer';
import { BSON } from 'mongodb';
import { BSON_TYPE, type BsonElement, bsonDocument, bsonElements } from '../domain/mongodb/bson-bytes.ts';

/**
 * A value for a query that means exactly these bytes: documents become Maps, which keep the order of all their fields
 * (objects put names that look like numbers first).
 */
export function exactValue(element: BsonElement): unknown {
  const { type, value } = element;
  if (type === BSON_TYPE.document) {
    return new Map([...bsonElements(value)].map((part) => [utf8(part.name), exactValue(part)]));
  }
  if (type === BSON_TYPE.array) return [...bsonElements(value)].map(exactValue);
  const options = { promoteValues: false, promoteLongs: false, promoteBuffers: false, bsonRegExp: true };
  return BSON.deserialize(bsonDocument([{ ...element, name: 'v' }]), options)['v'];
}

/** Types whose every value JavaScript can hold: ObjectId, 32 and 64 bits. */
const ALWAYS_EXACT: ReadonlySet<number> = new Set([0x07, 0x10, 0x12]);

/** True where `exactValue` comes to the same bytes again: not so for strange dates, NaNs, or text that is no UTF-8. */
export function hasExactValue(element: BsonElement): boolean {
  const { type, value } = element;
  if (ALWAYS_EXACT.has(type)) return true;
  if (type === BSON_TYPE.string) return isUtf8(value.subarray(4, -1));
  try {
    const again = Buffer.from(BSON.serialize({ v: exactValue(element) }, { ignoreUndefined: false }));
    return again.equals(bsonDocument([{ ...element, name: 'v' }]));
  } catch {
    // The driver refuses to read it, or to write it: it has no value there.
    return false;
  }
}

function utf8(name: string): string {
  return Buffer.from(name, 'latin1').toString('utf8');
}
