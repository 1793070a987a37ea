import { createHash, randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { BackupManifest } from '@holdfast/contracts/backup-events';
import type { BackupHealth, RestoreDatabaseResult, VerifyResult } from '@holdfast/contracts/http/backup';
import { createLogger } from '@holdfast/runtime/logger';
import { fakeClock } from '@holdfast/testkit/fake-clock';
import { startTestMongo, type TestMongo, whyNoMongo } from '@holdfast/testkit/mongo';
import { eventually } from '@holdfast/testkit/wait-for';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Booted, boot, type Place, place } from './support/booted.ts';
import { HOUR, START } from './support/scheduled.ts';

const why_not = whyNoMongo();
const SECRET = 'hunter2';
let mongo: TestMongo;

const settled = async (backup: Booted, source: string) =>
  eventually(async () => {
    const { body } = await backup.call<BackupHealth>('GET', '/api/backup/health');
    const found = body.sources.find((one) => one.source === source);
    return found?.status !== 'pending_first' && found;
  });

function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
    .sort();
}

function stateFile(at: Place): string {
  return join(at.data_dir, 'backup', 'mongodb', 'database', 'state.json');
}

test('a database without an address, or with one that nobody answers at, is amber and stops nothing', async () => {
  using at = place();
  at.write('a.json', '{}');
  await using backup = await boot(at, {
    sources: {
      bmc: { root: at.root, priority: 'critical' },
      nowhere: { mongodb_url_file: join(at.data_dir, 'nope'), mongodb_collections: ['quotes'] },
      away: {
        mongodb_url: `mongodb://u:${SECRET}@127.0.0.1:1/bmc?serverSelectionTimeoutMS=50`,
        database: 'bmc',
      },
    },
  });
  await backup.created(1);
  expect(await settled(backup, 'away')).toMatchObject({
    status: 'failing',
    detail: expect.stringMatching(/MongoDB/),
  });
  expect(await settled(backup, 'bmc')).toMatchObject({ status: 'ok' });
  expect(await settled(backup, 'nowhere')).toMatchObject({
    status: 'unsupported',
    detail: expect.stringContaining('is not there'),
  });
  const failures = await backup.told('BackupFailed');
  expect(failures.map(({ data }) => data.error.code)).toContain('unavailable');
  expect(JSON.stringify(failures)).not.toContain(SECRET);
});

(why_not === undefined ? describe : describe.skip)('a database as a source', () => {
  beforeAll(async () => {
    mongo = await startTestMongo();
  }, 90_000);
  afterAll(async () => {
    await mongo[Symbol.asyncDispose]();
  });

  test('its backups cost what changed, and any moment comes back over HTTP', async () => {
    using at = place();
    const quotes = mongo.client.db('bmc').collection<{ _id: number; price: number }>('quotes');
    await quotes.insertMany(
      Array.from({ length: 2_000 }, (_, _id) => ({ _id, price: 1, text: 'ñ'.repeat(500) })),
    );
    await mongo.client.db('bmc').collection('private').insertOne({ not: 'chosen' });
    await using backup = await boot(at, {
      sources: { database: { mongodb_url: mongo.url, database: 'bmc', mongodb_collections: ['quotes'] } },
    });
    const [first] = await backup.created(1);
    expect(first).toMatchObject({ backup_type: 'full', reason: 'first', sources: [{ source: 'database' }] });
    await using session = mongo.client.startSession();
    await quotes.updateOne({ _id: 7 }, { $set: { price: 2 } }, { session });
    const good = `${session.operationTime?.t}.${session.operationTime?.i}`;
    await quotes.deleteMany({}, { session });

    const again = async () => {
      const body = { sources: ['database'], wait: true };
      const reply = await backup.call<BackupManifest>('POST', '/api/backup', body);
      expect(reply.status).toBe(201);
      return reply.body;
    };
    const { backup_id } = await again();
    await quotes.insertOne({ _id: 1, price: 3 });
    // All files are of these seconds, so the engine reads them again; what it stores is the change alone.
    const last = await again();
    expect(last).toMatchObject({ files_new: 1, files_removed: 0 });
    expect(last.bytes_stored).toBeLessThan((first?.bytes_stored ?? 0) / 3);
    const back = await backup.call<RestoreDatabaseResult>('POST', '/api/backup/restore-database', {
      backup_id,
      at: good,
      target_database: 'bmc_back',
    });
    expect(back).toMatchObject({
      status: 200,
      body: {
        database: 'bmc_back',
        collections: [{ name: 'quotes', documents: 2_000 }],
        changes_replayed: 1,
      },
    });
    const there = mongo.client.db('bmc_back').collection<{ _id: number }>('quotes');
    expect(await there.findOne({ _id: 7 })).toMatchObject({ price: 2 });
    const later = {
      backup_id,
      at: new Date(Date.now() + 60_000).toISOString(),
      target_database: 'bmc_later',
    };
    expect(await backup.call('POST', '/api/backup/restore-database', later)).toMatchObject({
      status: 404,
      body: { code: 'moment_not_held' },
    });
    expect((await backup.told('BackupRestored')).map(({ data }) => data.target_path)).toEqual([
      'mongodb:bmc_back',
    ]);
  }, 90_000);

  test('hourly, critical: each backup costs what changed, and holds every write that was done before it', async () => {
    using at = place();
    const clock = fakeClock(START);
    const items = mongo.client.db('hourly').collection<{ _id: number; n: number }>('items');
    const text = () => randomBytes(500).toString('base64');
    await items.insertMany(Array.from({ length: 3_000 }, (_, _id) => ({ _id, n: 0, text: text() })));
    const source = { mongodb_url: mongo.url, database: 'hourly', point_in_time_recovery: true };
    await using backup = await boot(at, {
      sources: { database: { ...source, priority: 'critical', backup_frequency: 'hourly' } },
      overrides: { clock },
    });
    const [first] = await backup.created(1);
    expect(first?.bytes_stored).toBeGreaterThan(1_500_000);
    await using session = mongo.client.startSession();
    for (let hour = 1; hour <= 5; hour++) {
      await items.updateMany({ _id: { $lt: 20 } }, { $inc: { n: 1 } }, { session });
      const done = `${session.operationTime?.t}.${session.operationTime?.i}`;
      clock.advance(HOUR);
      const made = (await backup.created(1 + hour)).at(-1);
      expect(made).toMatchObject({ backup_type: 'incremental', sources: [{ source: 'database' }] });
      expect(made?.bytes_stored).toBeLessThan(20_000);
      const request = {
        backup_id: made?.backup_id,
        at: done,
        target_database: 'hourly_back',
        overwrite: true,
      };
      expect((await backup.call('POST', '/api/backup/restore-database', request)).status).toBe(200);
      const back = mongo.client.db('hourly_back').collection<{ _id: number }>('items');
      expect(await back.countDocuments({ n: hour })).toBe(20);
    }
  }, 120_000);

  test.each([
    [
      'a piece of its change log',
      (folder: string) => filesIn(join(folder, 'changes')),
      'change_history_lost',
    ],
    [
      'a file of its base',
      (folder: string) => filesIn(folder).filter((path) => path.endsWith('.bson') && path.includes('base-')),
      null,
    ],
  ])(
    'without %s there is no backup that succeeds: a new base is made',
    async (_, lost, code) => {
      using at = place();
      const database = code ?? 'base_lost';
      const items = mongo.client.db(database).collection('items');
      await items.insertOne({ n: 1 });
      await using backup = await boot(at, { sources: { database: { mongodb_url: mongo.url, database } } });
      await backup.created(1);
      const again = async () => {
        await backup.call('POST', '/api/backup', { sources: ['database'], wait: true });
      };
      for (let n = 2; n <= 3; n++) {
        await items.insertOne({ n });
        await again();
      }
      const [victim] = lost(dirname(stateFile(at)));
      rmSync(victim ?? '');
      await again();
      expect((await backup.told('BackupFailed')).map(({ data }) => data.error.code)).toEqual(
        code === null ? [] : [code],
      );
      const manifests = await backup.created(4);
      const request = { backup_id: manifests.at(-1)?.backup_id, target_database: `${database}_back` };
      const back = await backup.call<RestoreDatabaseResult>('POST', '/api/backup/restore-database', request);
      expect(back.body.collections).toEqual([{ name: 'items', documents: 3 }]);
    },
    90_000,
  );

  test('verify restores into a database of its own on MongoDB; where it cannot, it says what it did instead', async () => {
    using at = place();
    const items = mongo.client.db('proved').collection<{ _id: number }>('items');
    await items.insertMany([{ _id: 1 }, { _id: 2 }]);
    const sources = (verify_mongodb_url?: string) => ({
      database: {
        mongodb_url: mongo.url,
        database: 'proved',
        ...(verify_mongodb_url && { verify_mongodb_url }),
      },
    });
    let backup_id: string | undefined;
    const proof = async (backup: Booted) => {
      backup_id ??= (await backup.created(1))[0]?.backup_id;
      const path = `/api/backup/${backup_id}/verify`;
      return (await backup.call<VerifyResult>('POST', path, { level: 'restore' })).body;
    };
    // Left by a proof that was killed.
    const owner = createHash('sha256').update('web1/database').digest('hex').slice(0, 8);
    await mongo.client.db(`holdfast_verify_${owner}_left`).collection('a').insertOne({});
    {
      await using backup = await boot(at, { sources: sources() });
      expect(await proof(backup)).toMatchObject({
        passed: true,
        database: { restored: true, collections: 1, documents: 2, reason: null },
      });
      expect(await backup.told('BackupVerified')).toMatchObject([{ data: { database: { restored: true } } }]);
      const { databases } = await mongo.client.db().admin().listDatabases({ nameOnly: true });
      expect(databases.filter(({ name }) => name.startsWith('holdfast_verify_'))).toEqual([]);
    }
    const dead = `mongodb://u:${SECRET}@127.0.0.1:1/?serverSelectionTimeoutMS=50`;
    await using backup = await boot(at, { sources: sources(dead) });
    const without = await proof(backup);
    expect(without).toMatchObject({
      passed: true,
      database: { restored: false, documents: 2, reason: expect.stringContaining('MongoDB') },
    });
    expect(JSON.stringify(without)).not.toContain(SECRET);
  }, 90_000);

  test('a change log that is lost is told, and answered with a new base', async () => {
    using at = place();
    await mongo.client.db('lost').collection('a').insertOne({ n: 1 });
    await using backup = await boot(at, {
      sources: { database: { mongodb_url: mongo.url, database: 'lost' } },
    });
    await backup.created(1);
    // As if it had been away for so long that the oplog no longer reaches back: a token of the year 1970.
    const state = JSON.parse(readFileSync(stateFile(at), 'utf8'));
    const token = Buffer.from(state.token, 'base64').toString('latin1');
    const outlived = token.replace(/82[0-9A-F]{16}/, '820000000A00000001');
    writeFileSync(
      stateFile(at),
      JSON.stringify({ ...state, token: Buffer.from(outlived, 'latin1').toString('base64') }),
    );

    await backup.call('POST', '/api/backup', { sources: ['database'], wait: true });
    const [failure] = await backup.told('BackupFailed');
    expect(failure?.data.error).toMatchObject({
      code: 'change_history_lost',
      message: expect.stringContaining('a new base is made'),
    });
    const manifests = await backup.created(2);
    expect(manifests).toHaveLength(2);
    const back = await backup.call<RestoreDatabaseResult>('POST', '/api/backup/restore-database', {
      backup_id: manifests[1]?.backup_id,
      target_database: 'lost_back',
    });
    expect(back.body.collections).toEqual([{ name: 'a', documents: 1 }]);
  }, 90_000);

  test('on change: each write is in a backup within a second', async () => {
    using at = place();
    const counts = mongo.client.db('live').collection('counts');
    await counts.insertOne({ n: 0 });
    await using backup = await boot(at, {
      sources: { database: { mongodb_url: mongo.url, database: 'live', backup_frequency: 'on_change' } },
    });
    await backup.created(1);
    for (let n = 2; n <= 3; n++) {
      await counts.insertOne({ n });
      const manifests = await backup.created(n);
      expect(manifests.at(-1)).toMatchObject({ reason: 'on_change' });
    }
  });

  test('a password stands in no line of the log and in no event', async () => {
    using at = place();
    const lines: string[] = [];
    const log = createLogger({
      name: 'backup',
      level: 'trace',
      stream: { write: (line) => void lines.push(line) },
    });
    const url = mongo.url.replace('mongodb://', `mongodb://user:${SECRET}@`);
    await using backup = await boot(at, {
      overrides: { log },
      sources: { database: { mongodb_url: url, database: 'live', point_in_time_recovery: true } },
    });
    const failures = await eventually(async () => {
      const told = await backup.told('BackupFailed');
      return told.length > 0 && told;
    });
    expect(failures[0]?.data.error.code).toBe('forbidden');
    expect(JSON.stringify(failures)).not.toContain(SECRET);
    expect(lines.join('')).toContain('backup failed');
    expect(lines.join('')).not.toContain(SECRET);
  });
});
