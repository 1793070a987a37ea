import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestMongo, whyNoMongo } from '@holdfast/testkit/mongo';
import { eventually } from '@holdfast/testkit/wait-for';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type ClusterTime, compareTimes } from '../src/domain/mongodb/cluster-time.ts';
import { createCapture } from '../src/mongodb/capture.ts';
import { connectDatabase } from '../src/mongodb/connect.ts';
import { reckonDatabase, restoreIntoScratch } from '../src/mongodb/prove-database.ts';
import { openStaging } from '../src/mongodb/staging.ts';
import { type Protected, startProtected } from './support/mongo-source.ts';
import { bytesOfDatabase } from './support/mongo-writers.ts';

const why_not = whyNoMongo();
const PASSWORD = 'hunter2';
const { signal } = new AbortController();
let own: Protected;
let mongo: TestMongo;

const urlOf = (user: string, password: string, database: string) =>
  mongo.url.replace(`root:${PASSWORD}@`, `${user}:${password}@`).replace('/?', `/${database}?`);
const many = (from: number, count: number) =>
  Array.from({ length: count }, (_, n) => ({ _id: from + n, text: 'x'.repeat(300) }));

/** Until a server that was stepped down or restarted is primary again. */
async function backUpAtLast(source: ReturnType<Protected['protect']>, backup_id: string) {
  return eventually(() => source.backUp(backup_id).catch(() => false as const), { timeout_ms: 30_000 });
}

(why_not === undefined ? describe : describe.skip)('a database in trouble', () => {
  beforeAll(async () => {
    own = await startProtected({ piece_documents: 50, server: { password: PASSWORD } });
    mongo = own.mongo;
  }, 120_000);
  afterAll(async () => {
    await own[Symbol.asyncDispose]();
  });

  test.each([
    ['killed', async () => mongo.restart()],
    [
      'stepped down',
      async () =>
        void (await mongo.client
          .db('admin')
          .command({ replSetStepDown: 2, secondaryCatchUpPeriodSecs: 0, force: true })),
    ],
  ])(
    'MongoDB is %s within the copy, and within the log: it goes on, and nothing is missing',
    async (how, strike) => {
      const database = how.replace(' ', '_');
      const items = mongo.client.db(database).collection<{ _id: number; text: string }>('items');
      await items.insertMany(many(0, 5_000));
      await using source = own.protect(database);
      const copying = source.backUp('base').catch((error: unknown) => error);
      const begun = join(own.folder, database);
      await eventually(async () => (await readdir(begun)).some((name) => name.startsWith('base-')));
      await strike();
      await copying;
      await backUpAtLast(source, 'base');
      await eventually(
        () =>
          items.insertMany(many(10_000, 3_000)).then(
            () => true,
            () => false,
          ),
        { timeout_ms: 20_000 },
      );
      const following = source.follow().catch((error: unknown) => error);
      await strike();
      await following;
      await own.restore(await backUpAtLast(source, 'next'), `${database}_back`);
      const [was, is] = [
        await bytesOfDatabase(mongo.client, database),
        await bytesOfDatabase(mongo.client, `${database}_back`),
      ];
      expect(is['items']?.length).toBe(8_000);
      expect(is).toEqual(was);
    },
    90_000,
  );

  test('a large transaction over two collections is there whole or not at all, at every moment', async () => {
    const db = mongo.client.db('whole');
    const [one, two] = [db.collection<{ _id: number }>('one'), db.collection<{ _id: number }>('two')];
    await one.insertOne({ _id: -1 });
    await two.insertOne({ _id: -1 });
    await using source = own.protect('whole');
    await using session = mongo.client.startSession();
    session.startTransaction();
    // It begins before the base and ends after it.
    await one.insertMany(many(0, 2_000), { session });
    await source.backUp('base');
    await two.insertMany(many(0, 2_000), { session });
    const time = () => ({ seconds: session.operationTime?.t ?? 0, increment: session.operationTime?.i ?? 0 });
    await one.insertOne({ _id: -2 });
    await session.commitTransaction();
    const committed = time();
    await one.insertOne({ _id: -3 }, { session });
    const snapshot = await source.backUp('next');

    const segments = await (await openStaging(source.staging_folder)).segments();
    expect(segments.length).toBeGreaterThan(1);
    const within = ({ to }: { to: ClusterTime }) => compareTimes(to, committed) === 0;
    expect(segments.filter(within).length).toBeLessThanOrEqual(1);
    const before = { ...committed, increment: committed.increment - 1 };
    for (const [at, count] of [
      [before, 0],
      [committed, 2_000],
    ] as const) {
      await own.restore(snapshot, 'whole_back', { at, overwrite: true });
      for (const name of ['one', 'two']) {
        const back = mongo.client.db('whole_back').collection<{ _id: number }>(name);
        expect([name, await back.countDocuments({ _id: { $gte: 0 } })]).toEqual([name, count]);
      }
    }
  }, 120_000);

  test('a user who may only read is enough to back up; what he may not is one clear line', async () => {
    const db = mongo.client.db('rights');
    await db.collection('items').insertOne({ n: 1 });
    await db.command({ createUser: 'reader', pwd: PASSWORD, roles: [{ role: 'read', db: 'rights' }] });
    await db.command({ createUser: 'nobody', pwd: PASSWORD, roles: [] });
    const captured = async (user: string, password: string) => {
      const folder = join(own.folder, `rights ${user}`);
      const url = async () =>
        urlOf(user, password, 'rights').replace('authSource=admin', 'authSource=rights');
      const source = { name: 'db', folder, database: undefined, collections: [], url };
      await using capture = createCapture(source, { now_ms: Date.now });
      await capture.prepare({ backup_id: 'base', full: false, isKept: async () => false, signal });
      return folder;
    };
    const folder = await captured('reader', PASSWORD);
    const request = { host: 'web1', source: 'rights', roots: [folder], metadata: () => ({}) };
    const { snapshot } = await own.repository.backup(request);
    const proving = await reckonDatabase(own.repository, snapshot, { signal });
    const told = async (work: Promise<unknown>) => {
      const error = await work.then(
        () => null,
        (failure: unknown) => Object(failure),
      );
      expect(error.message).not.toContain('\n');
      expect(JSON.stringify([error.message, error.stack, String(error.cause)])).not.toContain(PASSWORD);
      return `${error.code}: ${error.message}`;
    };
    expect(await told(captured('reader', 'wrong'))).toMatch(/^forbidden: MongoDB: Authentication failed/);
    expect(await told(captured('nobody', PASSWORD))).toMatch(/^forbidden: MongoDB: not authorized on rights/);
    const as_reader = urlOf('reader', PASSWORD, 'rights').replace('authSource=admin', 'authSource=rights');
    await using connected = await connectDatabase(as_reader, undefined);
    expect(await told(restoreIntoScratch(proving, connected.client.db('scratch')))).toMatch(
      /^forbidden: MongoDB: not authorized on scratch/,
    );
  });
});
