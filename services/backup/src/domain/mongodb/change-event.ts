import {
  BSON_TYPE,
  type BsonElement,
  bsonDocument,
  bsonElements,
  bsonField,
  bsonText,
} from './bson-bytes.ts';
import { type ClusterTime, timeOfBytes } from './cluster-time.ts';

/** What a change stream tells of one change; documents stay bytes. */
export interface ChangeEvent {
  /** `insert`, `update`, `replace`, `delete`, `create`, `rename` … */
  readonly type: string;
  readonly time: ClusterTime;
  /** Empty for what concerns the whole database. */
  readonly collection: string;
  /** Of a rename: where it goes. */
  readonly to: { readonly database: string; readonly collection: string } | null;
  /** The `_id` of the document. */
  readonly id: BsonElement | null;
  readonly document: Buffer | null;
  readonly update: Buffer | null;
  /** What is told of a change of collections or indexes. */
  readonly description: Buffer | null;
}

const DOCUMENT_CHANGES = new Set(['insert', 'update', 'replace', 'delete']);

/** True for changes of documents, false for those of collections and indexes. */
export function changesDocument({ type }: ChangeEvent): boolean {
  return DOCUMENT_CHANGES.has(type);
}

/** Reads an event. Throws a RangeError where it has neither type nor time. */
export function readChangeEvent(bytes: Buffer): ChangeEvent {
  const fields = new Map<string, BsonElement>();
  for (const element of bsonElements(bytes)) fields.set(element.name, element);
  const type = fields.get('operationType');
  const time = fields.get('clusterTime');
  if (type === undefined || time === undefined) throw new RangeError('this is no change event');
  const document = (name: string) => {
    const found = fields.get(name);
    return found?.type === BSON_TYPE.document ? found.value : null;
  };
  const key = document('documentKey');
  return {
    type: bsonText(type),
    time: timeOfBytes(time.value),
    collection: nameIn(document('ns'), 'coll'),
    to: renamedTo(document('to')),
    id: (key && bsonField(key, '_id')) ?? null,
    document: document('fullDocument'),
    update: document('updateDescription'),
    description: document('operationDescription'),
  };
}

/** Only what is needed to cut a stream: the time of an event. */
export function timeOfEvent(bytes: Buffer): ClusterTime {
  const found = bsonField(bytes, 'clusterTime');
  if (found === undefined) throw new RangeError('this is no change event');
  return timeOfBytes(found.value);
}

/** `insert`, `rename` … of an event that is not read further. */
export function typeOfEvent(bytes: Buffer): string {
  return nameIn(bytes, 'operationType');
}

/** An event and its resume token: the token is large, and only that of the last event of a segment is of use. */
export function withoutToken(bytes: Buffer): { event: Buffer; token: Buffer } {
  const elements = [...bsonElements(bytes)];
  const token = elements.find(({ name }) => name === '_id');
  if (token === undefined) throw new RangeError('this is no change event');
  return { event: bsonDocument(elements.filter(({ name }) => name !== '_id')), token: token.value };
}

/** The `_id` as a key of a map: equal for equal bytes. */
export function keyOf({ type, value }: BsonElement): string {
  return `${type}:${value.toString('latin1')}`;
}

/** The same of a document; of one without an `_id` it is empty. */
export function keyIn(document: Buffer): string {
  const id = bsonField(document, '_id');
  return id === undefined ? '' : keyOf(id);
}

function renamedTo(to: Buffer | null): ChangeEvent['to'] {
  return to === null ? null : { database: nameIn(to, 'db'), collection: nameIn(to, 'coll') };
}

function nameIn(document: Buffer | null, name: string): string {
  const found = document === null ? undefined : bsonField(document, name);
  return found === undefined ? '' : bsonText(found);
}
