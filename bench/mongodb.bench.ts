import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Repository } from '@holdfast/repository/api';
import { openOrCreate } from '@holdfast/repository/repository-key';
import { startTestMongo, type TestMongo, whyNoMongo } from '@holdfast/testkit/mongo';
import { tempDir } from '@holdfast/testkit/temp-dir';
import { createCapture } from '../services/backup/src/mongodb/capture.ts';
import { restoreDatabase } from '../services/backup/src/mongodb/restore-database.ts';

type Db = ReturnType<TestMongo['client']['db']>;

const DOCUMENTS = Number(process.env['HOLDFAST_MONGO_DOCUMENTS'] ?? 200_000);
const CHANGES = 20_000;
const ROUNDS = Number(process.env['HOLDFAST_BENCH_RUNS'] ?? 3);
const LOOK_EVERY_MS = 20;
const MIB = 1024 * 1024;
const { signal } = new AbortController();

interface Figure {
  readonly measure: string;
  readonly value: number;
  readonly unit: string;
}

/** What one piece of work took; of this process also how long it let nobody else have a turn, and how it grew. */
interface Taken {
  readonly seconds: number;
  readonly longest_block_ms: number;
  /** The same in time of the processor, which does not count what others took meanwhile. */
  readonly longest_turn_ms: number;
  readonly memory_mib: number;
}

/**
 * A database of 200,000 documents: its base, its backup, its changes and its return, in turn with mongodump and
 * mongorestore where they are on PATH, and with one plain cursor: the least that any backup can cost.
 */
export async function run() {
  if (whyNoMongo() !== undefined) return [];
  await using mongo = await startTestMongo();
  using folder = tempDir();
  const db = mongo.client.db('bench');
  await fill(db);
  const rounds: Record<string, Taken>[] = [];
  for (let round = 0; round < ROUNDS; round++)
    rounds.push(await oneRound(mongo, join(folder.path, String(round))));
  return figuresOf(rounds);
}

async function fill(db: Db): Promise<void> {
  const quotes = db.collection<{ _id: number }>('quotes');
  const size = 10_000;
  for (let from = 0; from < DOCUMENTS; from += size) {
    const some = Array.from({ length: size }, (_, n) => ({
      _id: from + n,
      price: n * 1.5,
      text: 'ñandú '.repeat(60),
    }));
    await quotes.insertMany(some);
  }
  await quotes.createIndex({ price: 1 });
}

/** The tools take turns within a round, so that what else the machine does meets all of them. */
async function oneRound(mongo: TestMongo, folder: string): Promise<Record<string, Taken>> {
  const db = mongo.client.db('bench');
  const taken: Record<string, Taken> = {};
  const note = async (measure: string, work: () => Promise<unknown>) => {
    taken[measure] = await measured(work);
  };
  const staging = join(folder, 'staging');
  const source = {
    name: 'db',
    folder: staging,
    database: 'bench',
    collections: [],
    url: async () => mongo.url,
  };
  await using capture = createCapture(source, { now_ms: Date.now });
  const prepare = (backup_id: string) =>
    capture.prepare({ backup_id, full: false, isKept: async () => false, signal });
  await note('base (copy, indexes, change log)', () => prepare('base'));
  await note('plain cursor into a file', () => plainCopy(db, join(folder, 'plain')));
  const dump = join(folder, 'dump');
  if (hasTool('mongodump'))
    await note('mongodump', async () => tool('mongodump', [mongo.url, '--db=bench', `--out=${dump}`]));
  await using repository = await openOrCreate({
    location: join(folder, 'repository'),
    key_file: join(folder, 'key'),
  });
  const backUp = () => repository.backup({ host: 'h', source: 'db', roots: [staging], metadata: () => ({}) });
  await note('base into the repository', backUp);
  await note('restore (base, indexes)', () => restore(mongo, repository));
  await mongo.client.db('back').dropDatabase();
  if (hasTool('mongorestore')) {
    const names = ['--nsFrom=bench.*', '--nsTo=back.*'];
    await note('mongorestore', async () => tool('mongorestore', [mongo.url, ...names, dump]));
    await mongo.client.db('back').dropDatabase();
  }
  await changeSome(db);
  await note('changes into the log', () => prepare('log'));
  await note('changes into the repository', backUp);
  await note('restore (base, changes, indexes)', () => restore(mongo, repository));
  await mongo.client.db('back').dropDatabase();
  rmSync(folder, { recursive: true });
  return taken;
}

async function restore(mongo: TestMongo, repository: Repository): Promise<void> {
  const [snapshot] = await repository.snapshots({});
  if (snapshot === undefined) throw new Error('no snapshot');
  const target = mongo.client.db('back');
  await restoreDatabase({ repository, snapshot, target, at: null, overwrite: false, signal });
}

async function changeSome(db: Db): Promise<void> {
  const size = 1_000;
  for (let from = 0; from < CHANGES; from += size) {
    const some = Array.from({ length: size }, (_, n) => ({
      updateOne: { filter: { _id: (from + n) * 10 }, update: { $set: { price: Math.random() } } },
    }));
    await db.collection<{ _id: number }>('quotes').bulkWrite(some);
  }
}

async function plainCopy(db: Db, path: string): Promise<void> {
  await using file = await open(path, 'w');
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
}

async function measured(work: () => Promise<unknown>): Promise<Taken> {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  globalThis.gc?.();
  const begun = process.memoryUsage.rss();
  let most = begun;
  const look = setInterval(() => {
    most = Math.max(most, process.memoryUsage.rss());
  }, LOOK_EVERY_MS);
  let used_us = usedByThread();
  let longest_us = 0;
  const tick = setInterval(() => {
    const now_us = usedByThread();
    longest_us = Math.max(longest_us, now_us - used_us);
    used_us = now_us;
  }, 1);
  delay.enable();
  const start = performance.now();
  await work();
  const seconds = (performance.now() - start) / 1000;
  delay.disable();
  clearInterval(look);
  clearInterval(tick);
  const longest_turn_ms = longest_us / 1000;
  return { seconds, longest_block_ms: delay.max / 1e6, longest_turn_ms, memory_mib: (most - begun) / MIB };
}

function usedByThread(): number {
  const { user, system } = process.threadCpuUsage();
  return user + system;
}

function hasTool(name: string): boolean {
  return spawnSync(name, ['--version']).status === 0;
}

// It blocks this process, which has nothing else to do meanwhile.
function tool(name: string, [url, ...args]: string[]): void {
  const { status, stderr, error } = spawnSync(name, [`--uri=${url}`, ...args], { maxBuffer: 1 << 26 });
  if (status !== 0) throw new Error(`${name}: ${error ?? stderr.toString().slice(-2000)}`);
}

const PEERS: Readonly<Record<string, string>> = {
  'base (copy, indexes, change log)': 'mongodump',
  'restore (base, indexes)': 'mongorestore',
};

function figuresOf(rounds: readonly Record<string, Taken>[]): Figure[] {
  return Object.keys(rounds[0] ?? {}).flatMap((measure) => {
    const of = (read: (taken: Taken) => number) =>
      median(rounds.flatMap((round) => (round[measure] === undefined ? [] : [read(round[measure])])));
    const documents = measure.startsWith('changes') ? CHANGES : DOCUMENTS;
    const figures = [{ measure, value: documents / of(({ seconds }) => seconds), unit: 'documents/s' }];
    if (measure.startsWith('mongo')) return figures;
    const peer = PEERS[measure];
    if (peer !== undefined && rounds[0]?.[peer] !== undefined) {
      const ratios = rounds.map((round) => (round[measure]?.seconds ?? 0) / (round[peer]?.seconds ?? 1));
      figures.push({ measure: `${measure}: time against ${peer}`, value: median(ratios), unit: '×' });
    }
    figures.push(
      { measure: `${measure}: longest block`, value: of((taken) => taken.longest_block_ms), unit: 'ms' },
      { measure: `${measure}: longest turn`, value: of((taken) => taken.longest_turn_ms), unit: 'ms of CPU' },
      { measure: `${measure}: memory`, value: of((taken) => taken.memory_mib), unit: 'MiB' },
    );
    return figures;
  });
}

function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? Number.NaN;
}
