import { type TestMongo, whyNoMongo } from '@holdfast/testkit/mongo';
import { eventually } from '@holdfast/testkit/wait-for';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { BSON, type Db, Long, Timestamp } from 'mongodb';
import { type BsonElement, bsonDocument, bsonInt32, bsonString } from '../src/domain/mongodb/bson-bytes.ts';
import { insertRaw } from '../src/mongodb/raw-write.ts';
import { type Protected, startProtected } from './support/mongo-source.ts';
import { bytesOfDatabase } from './support/mongo-writers.ts';

const why_not = whyNoMongo();
let own: Protected;
let mongo: TestMongo;

const element = (type: number, name: string, hex: string): BsonElement => ({
  type,
  name,
  value: Buffer.from(hex, 'hex'),
});
const text = (value: string) => bsonString('', value).value;

/** All that BSON knows, also what is out of use, and what JavaScript cannot hold. */
const ODD_FIELDS: readonly BsonElement[] = [
  element(0x01, 'negative zero', '0000000000000080'),
  element(0x01, 'nan with a payload', '010000000000f87f'),
  element(0x01, 'infinity', '000000000000f0ff'),
  { type: 0x02, name: 'nul within', value: text('a\0b') },
  { type: 0x02, name: 'no utf-8', value: Buffer.from('03000000c32800', 'hex') },
  element(0x05, 'old binary', '06000000020200000001ff'),
  element(0x05, 'user binary', '0100000080aa'),
  element(0x06, 'undefined', ''),
  element(0x08, 'true', '01'),
  element(0x09, 'before all dates', 'ffffffffffffff7f'),
  element(0x0a, 'null', ''),
  { type: 0x0b, name: 'regex', value: Buffer.from('a+\0imsx\0', 'latin1') },
  { type: 0x0c, name: 'pointer', value: Buffer.concat([text('db.c'), Buffer.alloc(12, 7)]) },
  { type: 0x0d, name: 'code', value: text('return 1') },
  { type: 0x0e, name: 'symbol', value: text('sym') },
  {
    type: 0x0f,
    name: 'scoped code',
    value: (() => {
      const inner = Buffer.concat([text('f(x)'), bsonDocument([bsonInt32('x', 1)])]);
      const size = Buffer.alloc(4);
      size.writeInt32LE(inner.length + 4);
      return Buffer.concat([size, inner]);
    })(),
  },
  element(0x11, 'timestamp', 'ffffffff01000000'),
  element(0x12, 'long', 'ffffffffffffff7f'),
  element(0x13, 'decimal', '01000000000000000000000000003cb0'),
  element(0x13, 'decimal nan', '0000000000000000000000000000007c'),
  element(0xff, 'least', ''),
  element(0x7f, 'most', ''),
  bsonInt32('twice', 1),
  bsonInt32('twice', 2),
  bsonInt32('b', 1),
  bsonInt32('10', 1),
  bsonInt32('2', 1),
  bsonInt32('dotted.name', 1),
  bsonInt32('', 1),
  {
    type: 0x03,
    name: 'sub',
    value: bsonDocument([bsonInt32('$dollar', 1), element(0x11, 'none', '00'.repeat(8))]),
  },
];

/** Backs up, changes, backs up, restores: what was and what came back. */
async function thereAndBack(database: string, change: (db: Db) => Promise<unknown>) {
  const look = async (name: string) => ({
    documents: await bytesOfDatabase(mongo.client, name),
    facts: await own.factsOf(name),
  });
  await using source = own.protect(database);
  await source.backUp('base');
  await change(mongo.client.db(database));
  await own.restore(await source.backUp('next'), `${database}_back`);
  const [was, is] = [await look(database), await look(`${database}_back`)];
  return { was, is };
}

(why_not === undefined ? describe : describe.skip)('a database comes back exactly', () => {
  beforeAll(async () => {
    own = await startProtected({ piece_documents: 3 });
    mongo = own.mongo;
  }, 90_000);
  afterAll(async () => {
    await own[Symbol.asyncDispose]();
  });

  test('every type of BSON, from the base, from the log, and beside an update', async () => {
    const db = mongo.client.db('types');
    const odd = (id: string) => bsonDocument([bsonString('_id', id), ...ODD_FIELDS]);
    await insertRaw(db, 'odd', [odd('of the base'), odd('updated')]);
    const { was, is } = await thereAndBack('types', async () => {
      await insertRaw(db, 'odd', [odd('of the log')]);
      const collection = db.collection<{ _id: string }>('odd');
      await collection.updateOne({ _id: 'updated' }, { $set: { later: 1, b: new Long(5) } });
      // As a part of an insert MongoDB would put the time of day there.
      const none = new Timestamp({ t: 0, i: 0 });
      await collection.updateOne({ _id: 'of the base' }, { $set: { later: none, 'sub.later': none } });
    });
    expect(is).toEqual(was);
    expect(was.documents['odd']?.[0]).toContain(
      Buffer.from('\x10twice\0\x01\0\0\0\x10twice\0\x02').toString('hex'),
    );
  });

  test('ids of every type, over the edges of the pieces of a copy; with a collation, and clustered', async () => {
    const db = mongo.client.db('ids');
    const ids = [
      ...ODD_FIELDS.filter(({ type }) => ![0x06, 0x0b].includes(type)),
      ...['a', 'A', 'ä', 'b', 'B', 'Z'].map((letter) => bsonString('', letter)),
      bsonInt32('', 7),
      element(0x07, '', '507f1f77bcf86cd799439011'),
    ];
    await db.createCollection('collated', { collation: { locale: 'de', strength: 3 } });
    await db.createCollection('clustered', { clusteredIndex: { key: { _id: 1 }, unique: true } });
    const documents = ids.map((id) => bsonDocument([{ ...id, name: '_id' }, bsonInt32('n', 1)]));
    const distinct = [...new Map(documents.map((one) => [one.toString('hex'), one])).values()];
    for (const name of ['plain', 'collated']) {
      for (const document of distinct) await insertRaw(db, name, [document]).catch(() => undefined);
    }
    await db
      .collection<{ _id: number }>('clustered')
      .insertMany(Array.from({ length: 20 }, (_, n) => ({ _id: n })));
    const { was, is } = await thereAndBack('ids', async () => {
      for (const name of ['plain', 'collated', 'clustered']) {
        await db.collection(name).updateMany({}, { $set: { n: 2 } });
      }
    });
    expect(is).toEqual(was);
    expect(was.documents['plain']?.length).toBeGreaterThan(25);
  });

  test('a capped collection that is full goes on in its order, also where a document was changed', async () => {
    const db = mongo.client.db('capped');
    await db.createCollection('ring', { capped: true, size: 100_000, max: 5 });
    const ring = db.collection<{ _id: number; v: number }>('ring');
    await ring.insertMany([5, 4, 3, 2, 1].map((_id) => ({ _id, v: 0 })));
    const { was, is } = await thereAndBack('capped', async () => {
      await ring.insertMany([10, 9].map((_id) => ({ _id, v: 0 })));
      await ring.updateOne({ _id: 2 }, { $set: { v: 1 } });
      await ring.insertOne({ _id: 8, v: 0 });
    });
    expect(is).toEqual(was);
    const order = (name: string) =>
      mongo.client
        .db(name)
        .collection('ring')
        .find()
        .map(({ _id }) => Number(_id))
        .toArray();
    expect(await order('capped')).toEqual([2, 1, 10, 9, 8]);
    expect(await order('capped_back')).toEqual([2, 1, 10, 9, 8]);
  });

  test('what was done to collections and indexes, in order', async () => {
    const db = mongo.client.db('changed');
    await db.collection('a').insertOne({ n: 1, at: [1, 2], words: 'ein zwei' });
    await db.collection('a').createIndex({ n: 1 }, { name: 'dropped' });
    await db.collection('a').createIndex({ x: 1 }, { name: 'hidden' });
    await db.collection('moved').insertOne({ m: 1 });
    await db.createCollection('seen', { viewOn: 'a', pipeline: [] });
    const { was, is } = await thereAndBack('changed', async () => {
      await db.collection('a').dropIndex('dropped');
      await db.command({ collMod: 'a', index: { name: 'hidden', hidden: true } });
      await db
        .collection('a')
        .createIndex({ words: 'text' }, { weights: { words: 3 }, default_language: 'german' });
      await db.collection('a').createIndex({ at: '2dsphere' });
      await db.collection('a').createIndex({ n: 'hashed' });
      await db.collection('a').createIndex({ '$**': 1 }, { wildcardProjection: { words: 0 } });
      await db
        .collection('a')
        .createIndex({ p: 1 }, { partialFilterExpression: { n: { $gt: 1 } }, unique: true });
      await db.collection('a').createIndex({ c: 1 }, { collation: { locale: 'fr', numericOrdering: true } });
      await db.collection('none').createIndex({ early: 1 });
      await db.dropCollection('moved');
      await db.createCollection('moved', { capped: true, size: 4096, validator: { m: { $type: 'int' } } });
      await db.collection('moved').insertOne({ m: 2 });
      await db.renameCollection('moved', 'arrived');
      await db.command({ collMod: 'arrived', cappedSize: 8192, cappedMax: 7, validationAction: 'warn' });
      await db.command({ collMod: 'seen', viewOn: 'a', pipeline: [{ $match: { n: 1 } }] });
      await db.createCollection('later', { viewOn: 'arrived', pipeline: [{ $limit: 1 }] });
      await db.collection('brief').insertOne({});
      await db.dropCollection('brief');
      await db.collection('indexes gone').createIndexes([{ key: { q: 1 } }, { key: { r: 1 } }]);
      await db.collection('indexes gone').dropIndexes();
    });
    expect(is.documents).toEqual(was.documents);
    expect(is.facts).toEqual(was.facts);
  });

  test('unique values that change hands while the log is replayed', async () => {
    const db = mongo.client.db('swapped');
    const items = db.collection<{ _id: number; u: string }>('items');
    await items.createIndex({ u: 1 }, { unique: true });
    await items.insertMany([1, 2, 3].map((_id) => ({ _id, u: `u${_id}` })));
    const { was, is } = await thereAndBack('swapped', async () => {
      for (const [_id, u] of [
        [1, 'free'],
        [2, 'u1'],
        [3, 'u2'],
        [1, 'u3'],
      ] as const) {
        await items.updateOne({ _id }, { $set: { u } });
      }
    });
    expect(is).toEqual(was);
  });

  test('what MongoDB itself deletes because it expired is gone at its moment, and not before', async () => {
    const db = mongo.client.db('expired');
    const items = db.collection<{ _id: number; at: Date }>('items');
    await using source = own.protect('expired');
    await items.insertOne({ _id: 1, at: new Date(0) });
    const base = await source.backUp('base');
    await items.createIndex({ at: 1 }, { expireAfterSeconds: 10 });
    await eventually(async () => (await items.countDocuments()) === 0);
    await own.restore(await source.backUp('next'), 'expired_back');
    expect(await mongo.client.db('expired_back').collection('items').countDocuments()).toBe(0);
    await own.restore(base, 'expired_before');
    expect(await mongo.client.db('expired_before').collection('items').countDocuments()).toBe(1);
  }, 90_000);

  test('updates of megabytes, in documents that nearly are as large as can be', async () => {
    const db = mongo.client.db('large');
    const items = db.collection<{ _id: number; a?: string; b?: string }>('items');
    const mib = 1024 * 1024;
    await items.insertOne({ _id: 1, a: 'a'.repeat(7 * mib) });
    const { was, is } = await thereAndBack('large', async () => {
      await items.updateOne({ _id: 1 }, { $set: { b: 'b'.repeat(8 * mib) } });
      await items.updateOne({ _id: 1 }, { $set: { a: 'c'.repeat(7 * mib) } });
      await items.replaceOne({ _id: 1 }, { a: 'd'.repeat(16 * mib - 200) });
      await items.updateOne({ _id: 1 }, [{ $set: { n: { $bsonSize: '$$ROOT' } } }]);
    });
    expect(BSON.deserialize(Buffer.from(was.documents['items']?.[0] ?? '', 'hex'))['n']).toBeGreaterThan(
      16 * mib - 200,
    );
    expect(is.documents['items']?.[0] === was.documents['items']?.[0]).toBe(true);
  }, 90_000);
});
