import { startTestMongo, type TestMongo, whyNoMongo } from '@holdfast/testkit/mongo';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Booted, boot, type Place, place } from '../../services/backup/test/support/booted.ts';
import { runCli } from '../support/holdfast-process.ts';

const why_not = whyNoMongo();
let at: Place;
let mongo: TestMongo;
let backup: Booted;
let token: string;
/** Cluster times: all prices are good, and bad. */
const moments: string[] = [];

const holdfast = (...args: string[]) =>
  runCli(['restore', ...args, '--url', backup.service.url, '--token', token]);
const documentsOf = (database: string, collection = 'quotes') =>
  mongo.client.db(database).collection<{ _id: number }>(collection).find().sort({ _id: 1 }).toArray();

(why_not === undefined ? describe : describe.skip)('restore of a database by the command line', () => {
  beforeAll(async () => {
    at = place();
    at.write('a.json', '{}');
    mongo = await startTestMongo();
    const db = mongo.client.db('bmc');
    await db.collection('notes').insertOne({ text: 'other' });
    await db.collection<{ _id: number; price: string }>('quotes').insertOne({ _id: 1, price: 'good' });
    backup = await boot(at, {
      sources: { database: { mongodb_url: mongo.url, database: 'bmc' }, files: { root: at.root } },
    });
    await backup.created(2);
    token = await backup.token('admin');
    await using session = mongo.client.startSession();
    const noted = async (work: Promise<unknown>) => {
      await work;
      moments.push(`${session.operationTime?.t}.${session.operationTime?.i}`);
    };
    const quotes = db.collection<{ _id: number; price: string }>('quotes');
    await noted(quotes.insertOne({ _id: 2, price: 'good' }, { session }));
    for (const _ of [1, 2]) {
      await noted(quotes.updateMany({}, { $set: { price: 'bad' } }, { session }));
      await backup.call('POST', '/api/backup', { sources: ['database'], wait: true });
    }
  }, 60_000);

  afterAll(async () => {
    await backup?.[Symbol.asyncDispose]();
    await mongo?.[Symbol.asyncDispose]();
    at?.[Symbol.dispose]();
  });

  test('by a source and a time, no backup named: into another database', async () => {
    const good = ['--source', 'database', '--at', moments[0] ?? ''];
    const dry = await holdfast(...good, '--target-database', 'dry', '--dry-run');
    expect(dry).toMatchObject({ code: 0, stderr: '' });
    expect(dry.stdout).toMatch(/quotes: 2 documents\n.*would be restored into dry as of .*, from backup_/s);
    expect(await documentsOf('dry')).toEqual([]);

    const done = await holdfast(...good, '--target-database', 'good');
    expect(done).toMatchObject({ code: 0, stderr: '' });
    expect(done.stdout).toMatch(/quotes: 2 documents\n.*restored into good as of .*, from backup_/s);
    expect((await documentsOf('good')).map((one) => Object(one).price)).toEqual(['good', 'good']);
    expect(await documentsOf('good', 'notes')).toHaveLength(1);
  });

  test('by a source alone: its latest moment; --json is one document', async () => {
    const done = await holdfast('--source', 'database', '--target-database', 'late', '--json');
    expect(JSON.parse(done.stdout)).toMatchObject({ database: 'late', dry_run: false, changes_replayed: 3 });
    expect((await documentsOf('late')).map((one) => Object(one).price)).toEqual(['bad', 'bad']);
  });

  test('where it was: refused, one document, one collection', async () => {
    const good = ['--source', 'database', '--at', moments[0] ?? '', '--collections', 'quotes'];
    const refused = await holdfast(...good);
    expect(refused.code).toBe(1);
    expect(refused.stderr.trim()).toMatch(/^[^\n]*bmc has quotes already[^\n]*$/);

    expect((await holdfast(...good, '--query', '{"_id": 2}')).stdout).toMatch(/quotes: 1 document\n/);
    expect((await documentsOf('bmc')).map((one) => Object(one).price)).toEqual(['bad', 'good']);

    expect((await holdfast(...good, '--overwrite')).code).toBe(0);
    expect((await documentsOf('bmc')).map((one) => Object(one).price)).toEqual(['good', 'good']);
  });

  test('what is wrong is said in one line', async () => {
    const wrong = async (...args: string[]) => {
      const { code, stdout, stderr } = await holdfast(...args);
      expect(stdout).toBe('');
      expect(stderr.trim()).not.toContain('\n');
      return `${code} ${stderr}`;
    };
    expect(await wrong('--at', '2026-01-01T00:00:00Z')).toMatch(/^2 .*which backup\?/);
    expect(await wrong('backup_1', '--source', 'database')).toMatch(/^2 .*not both/);
    expect(await wrong('--source', 'database', '--query', '{_id')).toMatch(/^2 .*--query is no JSON/);
    expect(await wrong('--source', 'database', '--files', 'a')).toMatch(/^2 .*--files/);
    expect(await wrong('--source', 'database', '--at', 'noon')).toMatch(/ noon is no time/);
    expect(await wrong('--source', 'nope')).toMatch(/^2 .* nope not known; there are database, files/);
    expect(await wrong('--source', 'files')).toMatch(/ files is no database/);
    expect(await wrong('--source', 'database', '--at', '2020-01-01T00:00:00Z')).toMatch(
      / 2020-01-01T00:00:00Z is not in this backup; it holds /,
    );
    expect(await wrong('--source', 'database', '--dry-run', '--query', '{}')).toMatch(/ only MongoDB knows/);
  });
});
