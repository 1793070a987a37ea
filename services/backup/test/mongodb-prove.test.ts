import { whyNoMongo } from '@holdfast/testkit/mongo';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Proving, reckonDatabase, restoreIntoScratch } from '../src/mongodb/prove-database.ts';
import { type Protected, startProtected } from './support/mongo-source.ts';

const why_not = whyNoMongo();
const { signal } = new AbortController();
let own: Protected;

(why_not === undefined ? describe : describe.skip)('a backup of a database is proved', () => {
  let proving: Proving;

  beforeAll(async () => {
    own = await startProtected();
    const db = own.mongo.client.db('proved');
    await db.createCollection('gone', {
      clusteredIndex: { key: { _id: 1 }, unique: true },
      expireAfterSeconds: 1,
    });
    await db.collection('items').createIndex({ n: 1 }, { unique: true, name: 'by_n' });
    await db.collection('items').createIndex({ at: 1 }, { expireAfterSeconds: 2_000_000_000, name: 'old' });
    await db.createCollection('seen', { viewOn: 'items', pipeline: [{ $match: { n: { $gt: 1 } } }] });
    await db
      .collection<{ _id: number }>('items')
      .insertMany([1, 2, 3].map((n) => ({ _id: n, n, at: new Date(n) })));
    // Not before the test is over: the server looks once a minute for what has expired.
    await db.collection<{ _id: Date }>('gone').insertOne({ _id: new Date(Date.now() + 3_600_000) });
    await using source = own.protect('proved');
    await source.backUp('base');
    await db.collection<{ _id: number }>('items').updateOne({ _id: 3 }, { $set: { later: true } });
    await db.command({ collMod: 'items', validator: { n: { $lt: 100 } } });
    await db.command({ collMod: 'items', index: { name: 'old', expireAfterSeconds: 2_100_000_000 } });
    proving = await reckonDatabase(own.repository, await source.backUp('next'), { signal });
  }, 90_000);
  afterAll(async () => {
    await own[Symbol.asyncDispose]();
  });

  const restored = (changed: Partial<Proving['held']> = {}) =>
    restoreIntoScratch({ ...proving, held: { ...proving.held, ...changed } }, own.mongo.client.db('scratch'));

  test('restored, every document, index and option compared, and the database for it gone again', async () => {
    expect(await restored()).toEqual({ collections: 3, documents: 4, problems: [] });
    const { databases } = await own.mongo.client.db().admin().listDatabases();
    expect(databases.map(({ name }) => name)).not.toContain('scratch');
  });

  test('a document that does not come back, or as another, is told with its collection', async () => {
    const { documents } = proving.held;
    const lacking: typeof documents = async function* (base, name) {
      for await (const some of documents(base, name)) yield name === 'items' ? some.slice(1) : some;
    };
    expect((await restored({ documents: lacking })).problems).toEqual([
      'proved.items: 2 documents were restored of 3',
    ]);
    const changed: typeof documents = async function* (base, name) {
      for await (const [first, ...others] of documents(base, name)) {
        const other = Buffer.from(first ?? []);
        if (name === 'items') other.writeInt8(7, other.indexOf('n\0', 12) + 2);
        yield [other, ...others];
      }
    };
    expect((await restored({ documents: changed })).problems).toEqual([
      'proved.items: a document that was restored differs',
    ]);
  });

  test('indexes that cannot be made again are told', async () => {
    const { facts } = proving.held;
    const wrong: typeof facts = async (base, name) => {
      const found = await facts(base, name);
      const index = { v: 2, key: { absent: 1 }, name: 'absent', unique: true };
      return name === 'items' ? { ...found, indexes: [...found.indexes, index] } : found;
    };
    const { problems } = await restored({ facts: wrong });
    expect(problems).toEqual([
      expect.stringContaining('proved.items: its indexes or options cannot be made'),
    ]);
  });
});
