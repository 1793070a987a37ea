import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  Binary,
  BSON,
  BSONRegExp,
  Code,
  Decimal128,
  Double,
  Long,
  MaxKey,
  MinKey,
  ObjectId,
  Timestamp,
} from 'mongodb';
import { bsonDocument, bsonElements, bsonField, bsonSplit } from './bson-bytes.ts';

const every_type = Buffer.from(
  BSON.serialize({
    double: new Double(1),
    text: 'ñ\u0000ñ',
    document: { a: { b: [] } },
    array: [1, 'x', {}],
    binary: new Binary(Buffer.from([1, 2, 3])),
    id: new ObjectId(),
    yes: true,
    date: new Date(0),
    nothing: null,
    regex: new BSONRegExp('^a', 'i'),
    code: new Code('1'),
    scoped: new Code('x', { x: 1 }),
    int32: 1,
    timestamp: new Timestamp({ t: 1, i: 2 }),
    int64: new Long(1),
    decimal: Decimal128.fromString('1.5'),
    least: new MinKey(),
    most: new MaxKey(),
  }),
);

test('documents of all types are taken apart and put together again, byte by byte', () => {
  const elements = [...bsonElements(every_type)];
  expect(elements.map(({ name }) => name)).toEqual(Object.keys(BSON.deserialize(every_type)));
  expect(bsonDocument(elements).equals(every_type)).toBe(true);
  expect(bsonField(every_type, 'nope')).toBeUndefined();
});

test('a stream of documents is the same wherever it is cut (fast-check)', () => {
  const documents = [every_type, Buffer.from(BSON.serialize({})), Buffer.from(BSON.serialize({ a: 1 }))];
  const whole = Buffer.concat(documents);
  fc.assert(
    fc.property(fc.integer({ min: 0, max: whole.length }), (cut) => {
      const first = bsonSplit(whole.subarray(0, cut));
      const second = bsonSplit(Buffer.concat([first.rest, whole.subarray(cut)]));
      expect(Buffer.concat([...first.documents, ...second.documents]).equals(whole)).toBe(true);
      expect(first.documents.length + second.documents.length).toBe(documents.length);
      expect(second.rest).toHaveLength(0);
    }),
  );
});

test('damaged bytes are said to be so, and never read past their end (fast-check)', () => {
  fc.assert(
    fc.property(fc.nat(every_type.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
      const damaged = Buffer.from(every_type);
      damaged[at] = (damaged[at] ?? 0) ^ flip;
      try {
        for (const { value } of bsonElements(damaged)) expect(value.length).toBeLessThan(damaged.length);
      } catch (error) {
        expect((error as Error).name).toBe('RangeError');
      }
    }),
  );
});
