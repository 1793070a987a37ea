import { statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { openOrCreate } from '@holdfast/repository/repository-key';
import { startTestMongo, type TestMongo, whyNoMongo } from '@holdfast/testkit/mongo';
import { tempDir } from '@holdfast/testkit/temp-dir';
import { createCapture } from '../services/backup/src/mongodb/capture.ts';
import { restoreDatabase } from '../services/backup/src/mongodb/restore-database.ts';

type Db = ReturnType<TestMongo['client']['db']>;

const DOCUMENTS = 200_000;
const CHANGES = 20_000;

/** The least that any backup can cost: one cursor, its bytes into a file. */
async function plainCopy(db: Db, path: string): Promise<number> {
  const file = await open(path, 'w');
  let waiting: Uint8Array[] = [];
  const cursor = db.collection('quotes').find({}, { raw: true }) as unknown as AsyncIterable<Uint8Array>;
  for await (const document of cursor) {
    waiting.push(document);
    if (waiting.length < 2_000) continue;
    await file.writeFile(Buffer.concat(waiting));
    waiting = [];
  }
  await file.writeFile(Buffer.concat(waiting));
  await file.sync();
  await file.close();
  return statSync(path).size;
}

/** A database of 200,000 documents: its base, its backup, its changes and its return, beside one plain cursor. */
export async function run() {
  if (whyNoMongo() !== undefined) return [];
  await using mongo = await startTestMongo();
  using folder = tempDir();
  const db = mongo.client.db('bench');
  const quotes = db.collection<{ _id: number }>('quotes');
  for (let from = 0; from < DOCUMENTS; from += 10_000) {
    const some = Array.from({ length: 10_000 }, (_, n) => ({
      _id: from + n,
      price: n * 1.5,
      text: 'ñandú '.repeat(60),
    }));
    await quotes.insertMany(some);
  }
  const figures: { measure: string; value: number; unit: string }[] = [];
  const timed = async <Result>(
    measure: string,
    documents: number,
    work: () => Promise<Result>,
  ): Promise<Result> => {
    const start = performance.now();
    const result = await work();
    const seconds = (performance.now() - start) / 1000;
    figures.push({ measure, value: documents / seconds, unit: 'documents/s' });
    return result;
  };
  await timed('plain cursor into a file, cold', DOCUMENTS, () => plainCopy(db, join(folder.path, 'plain')));
  await timed('plain cursor into a file', DOCUMENTS, () => plainCopy(db, join(folder.path, 'plain')));
  const staging = join(folder.path, 'staging');
  const source = {
    name: 'db',
    folder: staging,
    database: 'bench',
    collections: [],
    url: async () => mongo.url,
  };
  await using capture = createCapture(source, { now_ms: Date.now });
  const { signal } = new AbortController();
  const prepare = (backup_id: string) =>
    capture.prepare({ backup_id, full: false, isKept: async () => false, signal });
  await timed('base (copy, indexes, change log)', DOCUMENTS, () => prepare('base'));
  const key = { location: join(folder.path, 'repository'), key_file: join(folder.path, 'key') };
  await using repository = await openOrCreate(key);
  const backUp = () => repository.backup({ host: 'h', source: 'db', roots: [staging], metadata: () => ({}) });
  await timed('base into the repository', DOCUMENTS, backUp);
  for (let from = 0; from < CHANGES; from += 1_000) {
    const some = Array.from({ length: 1_000 }, (_, n) => ({
      updateOne: { filter: { _id: (from + n) * 10 }, update: { $set: { price: n } } },
    }));
    await quotes.bulkWrite(some);
  }
  await timed('changes into the log', CHANGES, () => prepare('log'));
  const { snapshot } = await timed('changes into the repository', CHANGES, backUp);
  await timed('restore (base, changes, indexes)', DOCUMENTS, () =>
    restoreDatabase({
      repository,
      snapshot,
      target: mongo.client.db('back'),
      at: null,
      overwrite: false,
      signal,
    }),
  );
  return figures;
}
