import { fork } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Snapshot } from '@holdfast/repository/api';
import { type TestMongo, whyNoMongo } from '@holdfast/testkit/mongo';
import { eventually } from '@holdfast/testkit/wait-for';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { bsonDocument, bsonInt32, bsonString } from '../src/domain/mongodb/bson-bytes.ts';
import type { ClusterTime } from '../src/domain/mongodb/cluster-time.ts';
import { segmentFile } from '../src/domain/mongodb/segment.ts';
import { insertRaw } from '../src/mongodb/raw-write.ts';
import { openStaging } from '../src/mongodb/staging.ts';
import { type Protected, startProtected } from './support/mongo-source.ts';
import { bytesOfDatabase, bytesOfModel, createWriters } from './support/mongo-writers.ts';

const why_not = whyNoMongo();
let own: Protected;
let mongo: TestMongo;
const protect: Protected['protect'] = (...named) => own.protect(...named);
const restore: Protected['restore'] = (...wish) => own.restore(...wish);

(why_not === undefined ? describe : describe.skip)('capturing a database', () => {
  beforeAll(async () => {
    own = await startProtected();
    mongo = own.mongo;
  }, 90_000);

  afterAll(async () => {
    await own[Symbol.asyncDispose]();
  });

  test('killed again and again, and MongoDB too: the log has no gap and nothing twice', async () => {
    const writers = createWriters(mongo.client, 'killed', Math.random);
    await writers.fill(1_000);
    const staging_folder = join(own.folder, 'killed');
    const over = new AbortController();
    let writing = writers.run(2, over.signal);
    const program = new URL('./support/capture-process.ts', import.meta.url).pathname;
    for (let round = 0; round < 4; round++) {
      const count = writers.times().length;
      const child = fork(program, [mongo.url, staging_folder, 'killed'], { execArgv: [], stdio: 'inherit' });
      const exit = once(child, 'exit');
      // The first is killed within its base, the others at any point of the log.
      if (round > 0) await once(child, 'message');
      await eventually(() => writers.times().length > count + 40 + round * 30);
      child.kill('SIGKILL');
      await exit;
    }
    over.abort();
    await writing;
    await mongo.restart();
    const again = new AbortController();
    writing = writers.run(1, again.signal);
    await using source = protect('killed');
    const count = writers.times().length;
    await eventually(() => writers.times().length > count + 50);
    again.abort();
    await writing;
    await restore(await source.backUp('after'), 'killed_back');
    const last = writers.times().at(-1) ?? { seconds: 0, increment: 0 };
    expect(await bytesOfDatabase(mongo.client, 'killed_back')).toEqual(bytesOfModel(writers.modelAt(last)));
  }, 120_000);

  test('documents that JavaScript cannot hold, options and indexes come back as they were', async () => {
    const db = mongo.client.db('exact');
    await db.createCollection('odd', {
      collation: { locale: 'es', strength: 2 },
      validator: { year: { $ne: 77 } },
      validationLevel: 'moderate',
    });
    await db.createCollection('ring', { capped: true, size: 100_000, max: 50 });
    await db.createCollection('clustered', { clusteredIndex: { key: { _id: 1 }, unique: true } });
    await db.createCollection('seen', { viewOn: 'odd', pipeline: [{ $match: { year: 1 } }] });
    await db.collection('odd').createIndexes([
      { key: { year: 1, text: -1 }, name: 'unique', unique: true, sparse: true },
      { key: { at: 1 }, name: 'old', expireAfterSeconds: 100_000_000 },
    ]);
    const odd = bsonDocument([
      bsonString('_id', 'x'),
      bsonInt32('b', 1),
      bsonInt32('10', 2),
      bsonInt32('2', 3),
      { type: 0x06, name: 'undefined', value: Buffer.alloc(0) },
      { type: 0x01, name: 'nan', value: Buffer.from('010000000000f87f', 'hex') },
      { type: 0x0e, name: 'symbol', value: bsonString('', 'sym').value },
    ]);
    await insertRaw(db, 'odd', [odd]);
    await db.collection<{ _id: number }>('ring').insertMany([{ _id: 3 }, { _id: 1 }, { _id: 2 }]);
    await using source = protect('exact');
    await source.backUp('base');
    await db.collection<{ _id: string }>('odd').updateOne({ _id: 'x' }, { $set: { '10': 5, later: 1 } });
    await db.command({ collMod: 'odd', index: { name: 'old', expireAfterSeconds: 200_000_000 } });
    await db.command({ collMod: 'odd', validator: { year: { $ne: 78 } } });
    await restore(await source.backUp('next'), 'exact_back');

    expect(await bytesOfDatabase(mongo.client, 'exact_back')).toEqual(
      await bytesOfDatabase(mongo.client, 'exact'),
    );
    const raw = await mongo.client.db('exact_back').collection('odd').find({}, { raw: true }).toArray();
    expect(
      Buffer.from(raw[0] as unknown as Uint8Array).indexOf(Buffer.from('\x1010\0\x05', 'latin1')),
    ).toBeGreaterThan(0);
    expect(await own.factsOf('exact_back')).toEqual(await own.factsOf('exact'));
    const ring = mongo.client.db('exact_back').collection('ring');
    expect((await ring.find().toArray()).map(({ _id }) => _id)).toEqual([3, 1, 2]);
  });

  test('what is outside of the log, or would overwrite, is refused', async () => {
    const db = mongo.client.db('limits');
    await db.collection('a').insertOne({ n: 1 });
    await using source = protect('limits');
    const snapshot = await source.backUp('base');
    const [base] = await (await openStaging(source.staging_folder)).bases();
    const through = base?.through ?? { seconds: 0, increment: 0 };
    const refused = { code: 'moment_not_held', message: expect.stringContaining('it holds') };
    const [before, after] = [-1, 1].map((step) => ({ ...through, seconds: through.seconds + step * 100 }));
    await expect(restore(snapshot, 'limits_back', { at: before ?? null })).rejects.toMatchObject(refused);
    await expect(restore(snapshot, 'limits_back', { at: after ?? null })).rejects.toMatchObject(refused);
    await expect(restore(snapshot, 'limits')).rejects.toMatchObject({ code: 'target_occupied' });
    const absent = { collections: ['a', 'nope'] };
    await expect(restore(snapshot, 'limits_back', absent)).rejects.toMatchObject({ code: 'not_found' });
    // What was put together for it is gone again.
    expect(await bytesOfDatabase(mongo.client, 'limits_back')).toEqual({});
    expect(Object.keys(await bytesOfDatabase(mongo.client, 'limits'))).toEqual(['a']);
  });

  test('one collection, over the one that stands there; and single documents', async () => {
    const db = mongo.client.db('parts');
    const [one, two] = ['one', 'two'].map((name) => db.collection<{ _id: number; v: string }>(name));
    await one?.insertMany([
      { _id: 1, v: 'good' },
      { _id: 2, v: 'good' },
    ]);
    await two?.insertOne({ _id: 1, v: 'good' });
    await using source = protect('parts');
    const snapshot = await source.backUp('base');
    await one?.updateMany({}, { $set: { v: 'bad' } });
    await two?.updateMany({}, { $set: { v: 'bad' } });
    await one?.insertOne({ _id: 3, v: 'new' });

    await restore(snapshot, 'parts', { collections: ['one'], query: { _id: 2 } });
    expect(await one?.find().sort({ _id: 1 }).toArray()).toEqual([
      { _id: 1, v: 'bad' },
      { _id: 2, v: 'good' },
      { _id: 3, v: 'new' },
    ]);
    await restore(snapshot, 'parts', { collections: ['one'], overwrite: true });
    expect(await one?.find().sort({ _id: 1 }).toArray()).toEqual([
      { _id: 1, v: 'good' },
      { _id: 2, v: 'good' },
    ]);
    expect(await two?.findOne()).toEqual({ _id: 1, v: 'bad' });
    await restore(await source.backUp('next'), 'parts_back');
    expect(await bytesOfDatabase(mongo.client, 'parts_back')).toEqual(
      await bytesOfDatabase(mongo.client, 'parts'),
    );
  });

  test('documents that cannot be put into what stands there leave what stands there', async () => {
    const people = mongo.client.db('people').collection<{ _id: number; mail: string }>('people');
    await people.createIndex({ mail: 1 }, { unique: true });
    await people.insertMany([
      { _id: 1, mail: 'a' },
      { _id: 2, mail: 'b' },
    ]);
    await using source = protect('people');
    const snapshot = await source.backUp('base');
    await people.updateOne({ _id: 1 }, { $set: { mail: 'mine' } });
    await people.insertOne({ _id: 3, mail: 'a' });
    const before = await people.find().sort({ _id: 1 }).toArray();
    const wish = { collections: ['people'], query: { _id: { $in: [1, 2] } } };
    await expect(restore(snapshot, 'people', wish)).rejects.toThrow(/duplicate key/);
    expect(await people.find().sort({ _id: 1 }).toArray()).toEqual(before);
    await people.deleteOne({ _id: 3 });
    for (const target of ['people', 'empty']) {
      await restore(snapshot, target, wish);
      const there = mongo.client.db(target).collection<{ _id: number }>('people');
      expect(await there.find().sort({ _id: 1 }).toArray()).toEqual([
        { _id: 1, mail: 'a' },
        { _id: 2, mail: 'b' },
      ]);
    }
  });

  test('a new base takes the place of the old one once a backup holds it; every moment between stays', async () => {
    const counts = mongo.client.db('bases').collection<{ _id: number; n: number }>('counts');
    await counts.insertOne({ _id: 1, n: 0 });
    await using source = protect('bases');
    await source.backUp('base_1');
    const step = async () => {
      await using session = mongo.client.startSession();
      await counts.updateOne({ _id: 1 }, { $inc: { n: 1 } }, { session });
      return { seconds: session.operationTime?.t ?? 0, increment: session.operationTime?.i ?? 0 };
    };
    const early = await step();
    await source.backUp('log_1');
    const between = await step();
    const both = await source.backUp('base_2', true);
    const late = await step();
    const only_new = await source.backUp('log_2');

    const bases = readdirSync(source.staging_folder).filter((name) => name.startsWith('base-'));
    expect(bases).toEqual(['base-base_2']);
    const restored = async (snapshot: Snapshot, at: typeof early) => {
      await restore(snapshot, 'bases_back', { at, overwrite: true });
      return (await mongo.client.db('bases_back').collection('counts').findOne())?.['n'];
    };
    expect(await restored(both, early)).toBe(1);
    expect(await restored(both, between)).toBe(2);
    expect(await restored(only_new, late)).toBe(3);
    await expect(restored(only_new, early)).rejects.toMatchObject({ code: 'moment_not_held' });
  });

  test('a dropped database and what comes after it', async () => {
    const db = mongo.client.db('dropped');
    await db.collection('a').insertOne({ n: 1 });
    await using source = protect('dropped');
    await source.backUp('base');
    await db.dropDatabase();
    await db.collection<{ _id: number }>('b').insertOne({ _id: 7 });
    await restore(await source.backUp('next'), 'dropped_back');
    expect(await bytesOfDatabase(mongo.client, 'dropped_back')).toEqual(
      await bytesOfDatabase(mongo.client, 'dropped'),
    );
  });

  test('MongoDB that was put back to an older state: the log is lost, and a new base is made', async () => {
    const items = mongo.client.db('older').collection<{ _id: number }>('items');
    await items.insertOne({ _id: 1 });
    const copy = join(own.folder, 'copy');
    await mongo.restart((files) => cpSync(files, copy, { recursive: true }));
    await using source = protect('older');
    await source.backUp('base');
    await items.insertOne({ _id: 2 });
    // With a write beside it the log goes on between two events: a place that any server would take.
    await source.backUp('log');
    await mongo.client.db('beside').collection('a').insertOne({});
    await source.backUp('quiet');
    await mongo.restart((files) => {
      rmSync(files, { recursive: true });
      cpSync(copy, files, { recursive: true });
    });
    await items.insertOne({ _id: 3 });
    await expect(source.backUp('next')).rejects.toMatchObject({ code: 'change_history_lost' });
    await restore(await source.backUp('again'), 'older_back');
    const back = mongo.client.db('older_back').collection<{ _id: number }>('items');
    expect((await back.find().toArray()).map(({ _id }) => _id)).toEqual([1, 3]);
  }, 120_000);

  test('MongoDB whose clock went back: nothing of the history that was is taken for the one that is', async () => {
    const items = mongo.client.db('clock').collection<{ _id: number }>('items');
    await items.insertOne({ _id: 1 });
    await using source = protect('clock');
    await source.backUp('base');
    await items.insertOne({ _id: 2 });
    await source.backUp('log');
    // As if all that was captured had happened an hour from now.
    const later = ({ seconds, increment }: ClusterTime) => ({ seconds: seconds + 3_600, increment });
    const staging = await openStaging(source.staging_folder);
    const state = await staging.state();
    if (state === null) throw new Error('no state');
    const moved = { begins: later(state.begins), tail: later(state.tail), through: later(state.through) };
    await staging.setState({ ...state, ...moved });
    for (const { from, to } of await staging.segments()) {
      const [old, next] = [
        { from, to },
        { from: later(from), to: later(to) },
      ].map((name) => join(staging.changes, segmentFile(name)));
      renameSync(old ?? '', next ?? '');
    }
    await items.insertOne({ _id: 3 });
    await expect(source.backUp('next')).rejects.toMatchObject({ code: 'change_history_lost' });
    await source.backUp('again');
    await items.deleteOne({ _id: 2 });
    await restore(await source.backUp('after'), 'clock_back');
    const back = mongo.client.db('clock_back').collection<{ _id: number }>('items');
    expect((await back.find().toArray()).map(({ _id }) => _id)).toEqual([1, 3]);
    expect(await staging.segments()).toHaveLength(1);
  });

  test('many small segments become few, and every write can still be gone back to', async () => {
    const counts = mongo.client.db('small').collection<{ _id: number; n: number }>('counts');
    await counts.insertOne({ _id: 1, n: 0 });
    await using source = protect('small');
    await source.backUp('base');
    await using session = mongo.client.startSession();
    const times: ClusterTime[] = [];
    for (let n = 1; n <= 40; n++) {
      await counts.updateOne({ _id: 1 }, { $inc: { n: 1 } }, { session });
      times.push({ seconds: session.operationTime?.t ?? 0, increment: session.operationTime?.i ?? 0 });
      await source.follow();
    }
    const snapshot = await source.backUp('merged');
    expect((await (await openStaging(source.staging_folder)).segments()).length).toBeLessThan(16);
    for (const n of [1, 17, 33, 40]) {
      await restore(snapshot, 'small_back', { at: times[n - 1] ?? null, overwrite: true });
      expect(await mongo.client.db('small_back').collection('counts').findOne()).toMatchObject({ n });
    }
  });

  test('a document of nearly 16 MiB goes through the log', async () => {
    const items = mongo.client.db('large').collection<{ _id: number; text?: string }>('items');
    await items.insertOne({ _id: 1 });
    await using source = protect('large');
    await source.backUp('base');
    const text = 'x'.repeat(16 * 1024 * 1024 - 100);
    await items.insertOne({ _id: 2, text });
    await items.updateOne({ _id: 2 }, { $set: { a: 1 } });
    await restore(await source.backUp('next'), 'large_back');
    const back = mongo.client.db('large_back').collection<{ _id: number; text: string }>('items');
    const found = await back.findOne({ _id: 2 });
    expect({ ...found, text: found?.text === text }).toEqual({ _id: 2, text: true, a: 1 });
  }, 90_000);

  test('a time series is refused by its name', async () => {
    await mongo.client.db('series').createCollection('weather', { timeseries: { timeField: 'at' } });
    await using source = protect('series');
    const refused = { code: 'unsupported_collection', message: expect.stringContaining('series.weather') };
    await expect(source.backUp('base')).rejects.toMatchObject(refused);
  });

  test('a chosen collection that another one takes the place of: told, and a new base', async () => {
    const db = mongo.client.db('replaced');
    await db.collection('quotes').insertOne({ n: 1 });
    await db.collection('loaded').insertOne({ n: 2 });
    await using source = protect('replaced', ['quotes']);
    await source.backUp('base');
    await db.renameCollection('loaded', 'quotes', { dropTarget: true });
    const lost = { code: 'change_history_lost', message: expect.stringContaining('replaced by loaded') };
    await expect(source.backUp('next')).rejects.toMatchObject(lost);
    await restore(await source.backUp('again'), 'replaced_back');
    expect(await bytesOfDatabase(mongo.client, 'replaced_back')).toEqual(
      await bytesOfDatabase(mongo.client, 'replaced'),
    );
  });
});
