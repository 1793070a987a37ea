/**
 * BSON as bytes. Documents pass through Holdfast without being decoded: JavaScript objects would lose the order of
 * fields that look like numbers, fields of one name, and types that are out of use. Names are spelled in Latin-1, which
 * keeps every byte.
 */
export interface BsonElement {
  readonly type: number;
  readonly name: string;
  /** The value alone: without type and name. */
  readonly value: Buffer;
}

export const BSON_TYPE = {
  string: 0x02,
  document: 0x03,
  array: 0x04,
  boolean: 0x08,
  null: 0x0a,
  int32: 0x10,
  timestamp: 0x11,
  /** Greater than all others. */
  most: 0x7f,
} as const;

/** How many bytes a value of fixed size has. */
const FIXED: Readonly<Record<number, number>> = {
  1: 8,
  6: 0,
  7: 12,
  8: 1,
  9: 8,
  10: 0,
  16: 4,
  17: 8,
  18: 8,
  19: 16,
  127: 0,
  255: 0,
};
/** What stands beside the bytes that the value's own first four count. */
const COUNTED: Readonly<Record<number, number>> = {
  2: 4,
  3: 0,
  4: 0,
  5: 5,
  12: 16,
  13: 4,
  14: 4,
  15: 0,
};
const REGEX = 0x0b;
const EMPTY_DOCUMENT_BYTES = 5;

/** The elements of a document, in order. Throws a RangeError where the bytes are no document. */
export function* bsonElements(document: Buffer): Generator<BsonElement> {
  const end = document.length - 1;
  if (document.length < EMPTY_DOCUMENT_BYTES || document.readInt32LE(0) !== document.length) damaged();
  for (let at = 4; at < end; ) {
    const type = document[at] ?? 0;
    const name_end = zeroFrom(document, at + 1);
    const start = name_end + 1;
    const next = start + valueBytes(document, type, start);
    if (next > end) damaged();
    yield {
      type,
      name: document.toString('latin1', at + 1, name_end),
      value: document.subarray(start, next),
    };
    at = next;
  }
}

/** The first element of that name, or undefined. */
export function bsonField(document: Buffer, name: string): BsonElement | undefined {
  for (const element of bsonElements(document)) if (element.name === name) return element;
  return undefined;
}

/** The documents of an array that holds nothing else. Throws a RangeError where it does. */
export function bsonDocumentsIn(array: Buffer): Buffer[] {
  const documents: Buffer[] = [];
  const end = array.length - 1;
  for (let at = 4; at < end; ) {
    if (array[at] !== BSON_TYPE.document) damaged();
    // Names are short numbers: a loop is quicker than a search.
    do at += 1;
    while (array[at] !== 0 && at < end);
    const start = at + 1;
    at = start + (start + 4 <= end ? array.readInt32LE(start) : damaged());
    if (at > end || at < start + EMPTY_DOCUMENT_BYTES) damaged();
    documents.push(array.subarray(start, at));
  }
  return documents;
}

/** A document of these elements. */
export function bsonDocument(elements: Iterable<BsonElement>): Buffer {
  const parts: Buffer[] = [Buffer.alloc(4)];
  for (const { type, name, value } of elements) {
    parts.push(Buffer.from([type]), Buffer.from(`${name}\0`, 'latin1'), value);
  }
  parts.push(Buffer.from([0]));
  const document = Buffer.concat(parts);
  document.writeInt32LE(document.length, 0);
  return document;
}

/** The text of a string element. */
export function bsonText({ value }: BsonElement): string {
  return value.toString('utf8', 4, value.length - 1);
}

/** A string element. */
export function bsonString(name: string, text: string): BsonElement {
  const bytes = Buffer.from(`${text}\0`, 'utf8');
  const value = Buffer.alloc(4 + bytes.length);
  value.writeInt32LE(bytes.length, 0);
  bytes.copy(value, 4);
  return { type: BSON_TYPE.string, name, value };
}

/** An element of 32 bits. */
export function bsonInt32(name: string, number: number): BsonElement {
  const value = Buffer.alloc(4);
  value.writeInt32LE(number, 0);
  return { type: BSON_TYPE.int32, name, value };
}

/** Cuts bytes into the documents that lie in them one after the other; what is left at the end is part of the next. */
export function bsonSplit(bytes: Buffer): { documents: Buffer[]; rest: Buffer } {
  const documents: Buffer[] = [];
  let at = 0;
  while (bytes.length - at >= 4) {
    const size = bytes.readInt32LE(at);
    if (size < EMPTY_DOCUMENT_BYTES) damaged();
    if (at + size > bytes.length) break;
    documents.push(bytes.subarray(at, at + size));
    at += size;
  }
  return { documents, rest: bytes.subarray(at) };
}

function valueBytes(document: Buffer, type: number, start: number): number {
  const fixed = FIXED[type];
  if (fixed !== undefined) return fixed;
  const beside = COUNTED[type];
  if (beside !== undefined) {
    const counted = start + 4 <= document.length ? document.readInt32LE(start) : -1;
    return counted < 0 ? damaged() : counted + beside;
  }
  if (type === REGEX) return zeroFrom(document, zeroFrom(document, start) + 1) + 1 - start;
  return damaged();
}

function zeroFrom(document: Buffer, start: number): number {
  const at = document.indexOf(0, start);
  return at === -1 ? damaged() : at;
}

function damaged(): never {
  throw new RangeError('these bytes are no BSON document');
}
