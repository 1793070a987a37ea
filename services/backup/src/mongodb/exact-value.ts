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

function utf8(name: string): string {
  return Buffer.from(name, 'latin1').toString('utf8');
}
