import type { Snapshot } from '@holdfast/repository/api';
import { whyNoMongo } from '@holdfast/testkit/mongo';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { reckonDatabase, restoreIntoScratch } from '../src/mongodb/prove-database.ts';
import { type Protected, startProtected } from './support/mongo-source.ts';

const why_not = whyNoMongo();
const GONE = 'whoever asked is gone';
let own: Protected;
let snapshot: Snapshot;

const namesIn = async (database: string) =>
  (await own.mongo.client.db(database).listCollections({}, { nameOnly: true }).toArray()).map(
    ({ name }) => name,
  );

/** Aborts when the work tells of what it is doing. */
function abortAt(doing: string) {
  const controller = new AbortController();
  const report = (progress: { doing: string }) => {
    if (progress.doing === doing) controller.abort(new Error(GONE));
  };
  return { signal: controller.signal, report };
}

(why_not === undefined ? describe : describe.skip)('a restore of a database that is cancelled', () => {
  beforeAll(async () => {
    own = await startProtected();
    const items = own.mongo.client.db('kept').collection<{ _id: number; n: number }>('items');
    await items.insertMany(Array.from({ length: 50 }, (_, n) => ({ _id: n, n })));
    await items.createIndex({ n: 1 });
    await using source = own.protect('kept');
    await source.backUp('base');
    await items.updateMany({}, { $inc: { n: 1 } });
    snapshot = await source.backUp('next');
    await items.deleteMany({ _id: { $gt: 0 } });
  }, 90_000);

  afterAll(async () => {
    await own[Symbol.asyncDispose]();
  });

  test.each(['reading', 'restoring', 'replaying', 'indexing'])(
    'while it is %s leaves what stood there, and nothing else',
    async (doing) => {
      const wish = { overwrite: true, collections: ['items'], ...abortAt(doing) };
      await expect(own.restore(snapshot, 'kept', wish)).rejects.toThrow(GONE);
      expect(await namesIn('kept')).toEqual(['items']);
      expect(await own.mongo.client.db('kept').collection('items').countDocuments()).toBe(1);
    },
  );

  test.each(['restoring', 'replaying', 'comparing'])(
    'while it is %s to be proved leaves no database',
    async (doing) => {
      const watching = abortAt(doing);
      const proving = await reckonDatabase(own.repository, snapshot, watching);
      const scratch = own.mongo.client.db('scratch');
      await expect(restoreIntoScratch(proving, scratch)).rejects.toThrow(GONE);
      expect(await namesIn('scratch')).toEqual([]);
    },
  );

  test('tells how far it is: all bytes of the base and of the changes, all documents that are compared', async () => {
    const told = new Map<string, object>();
    const { signal } = new AbortController();
    const report = (progress: { doing: string }) => void told.set(progress.doing, progress);
    const proving = await reckonDatabase(own.repository, snapshot, { signal, report });
    await restoreIntoScratch(proving, own.mongo.client.db('proved'));
    const { size } = (await own.repository.find(snapshot, baseFile())) ?? { size: -1 };
    expect(told.get('restoring')).toMatchObject({ items_done: 50, bytes_done: size, bytes_total: size });
    expect(told.get('replaying')).toMatchObject({ items: 'changes', items_done: 50 });
    expect(told.get('comparing')).toMatchObject({ items_done: 50, items_total: 50 });
  });
});

function baseFile(): string {
  return `${own.folder}/kept/base-base/kept/items.bson`;
}
