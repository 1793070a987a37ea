// The repository beside restic, rustic and borg, each run a process of its own, alternating, in the same minutes.
// HOLDFAST_BENCH_CORPUS  a folder to use instead of our own corpus
// HOLDFAST_BENCH_PARTS   some of: corpus json tiny one index (default: all)
// HOLDFAST_BENCH_RUNS    rounds of each (default 3; 300,000 tiny files: 1)
// HOLDFAST_BENCH_SCRATCH where all of it is put (default: the system's temporary folder)
import { existsSync, lstatSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BackupTool, HOLDFAST, presentPeers, type Run, Workplace } from './backup-tools.ts';
import { makeCorpus, makeManyNames, makeSmallJson, makeTinyFiles } from './corpus.ts';
import { growIndex } from './grow-index.ts';

interface Figure {
  measure: string;
  value: number;
  unit: string;
  limit?: number;
}

const BLOCK_BYTES = 512;
const MIB = 2 ** 20;
const TINY_FILES = 300_000;
const MANY_NAMES = 1_000_000;
const MANY_CHUNKS = 10_000_000;
/** Of each chunk the local copy of the index has at least the prefix of its id. */
const PREFIX_BYTES = 16;
const ONE_FILE_RUNS = 7;
const RUNS = Number(process.env['HOLDFAST_BENCH_RUNS'] ?? 3);

/** One tool on one corpus, once. */
interface Round {
  readonly first: Run;
  readonly again: Run;
  readonly restore: Run | undefined;
  readonly repository_bytes: number;
}

interface Limits {
  readonly first?: number;
  readonly again?: number;
  readonly restore?: number;
  readonly size?: number;
  readonly memory_mib?: number;
}

/** The table of docs/performance.md. */
export async function run(): Promise<Figure[]> {
  using place = new Workplace(process.env['HOLDFAST_BENCH_SCRATCH'] ?? tmpdir());
  const parts = (process.env['HOLDFAST_BENCH_PARTS'] ?? 'corpus json tiny one index').split(/[ ,]+/);
  const work: Record<string, () => Promise<Figure[]> | Figure[]> = {
    corpus: () => benchCorpus(place),
    json: () => benchSmallJson(place),
    tiny: () => benchTiny(place),
    one: () => benchOneOfAMillion(place),
    index: () => benchLargeIndex(place),
  };
  const figures: Figure[] = [];
  for (const part of parts) {
    const bench = work[part];
    if (bench === undefined) throw new Error(`HOLDFAST_BENCH_PARTS: there is no part ${part}`);
    figures.push(...(await bench()));
  }
  return figures;
}

function benchCorpus(place: Workplace): Figure[] {
  const source = process.env['HOLDFAST_BENCH_CORPUS'] ?? made(place, 'corpus', makeCorpus);
  const limits = { first: 0.5, again: 1, restore: 1 / 1.5, size: 1, memory_mib: 400 };
  return compare(place, { what: 'corpus', source, runs: RUNS, limits, has_restore: true });
}

function benchSmallJson(place: Workplace): Figure[] {
  const given = process.env['HOLDFAST_BENCH_CORPUS'];
  const inside = given === undefined ? undefined : join(given, 'conversations');
  const source = inside !== undefined && existsSync(inside) ? inside : made(place, 'json', makeSmallJson);
  const limits = { first: 0.25, size: 0.5 };
  return compare(place, { what: 'small JSON', source, runs: RUNS, limits, has_restore: false });
}

function benchTiny(place: Workplace): Figure[] {
  const source = made(place, 'tiny', (folder) => makeTinyFiles(folder, TINY_FILES));
  const limits = { first: 0.25, again: 0.25 };
  return compare(place, { what: '300,000 tiny files', source, runs: 1, limits, has_restore: false });
}

/** The time of a cold process that puts one file of a million back. */
function benchOneOfAMillion(place: Workplace): Figure[] {
  const source = made(place, 'million', (folder) => makeManyNames(folder, MANY_NAMES));
  const repository = place.fresh('holdfast');
  place.run(HOLDFAST.program, HOLDFAST.init(repository));
  place.run(HOLDFAST.program, HOLDFAST.backup(repository, source));
  const one = join(source, '73', 'name-731234');
  const took = Array.from({ length: ONE_FILE_RUNS }, () => {
    const target = place.fresh('target');
    return place.run(HOLDFAST.program, HOLDFAST.restoreOne(repository, target, one)).wall_ms;
  });
  return [{ measure: 'one file of 1,000,000, cold process', value: median(took), unit: 'ms', limit: 300 }];
}

/** What ten million chunks in the index add to the memory of a backup. */
async function benchLargeIndex(place: Workplace): Promise<Figure[]> {
  const source = made(place, 'json', makeSmallJson);
  const repository = place.fresh('holdfast');
  place.run(HOLDFAST.program, HOLDFAST.init(repository));
  const before = place.run(HOLDFAST.program, HOLDFAST.backup(repository, source));
  const grown = place.fresh('grown');
  place.run(HOLDFAST.program, HOLDFAST.init(grown));
  await growIndex(grown, join(place.path, 'password'), MANY_CHUNKS);
  // The first one fills the local copy of the index, and stores; the second one walks.
  const filling = place.run(HOLDFAST.program, HOLDFAST.backup(grown, source));
  const local_copy = sizeOf(join(place.path, 'cache', 'holdfast'));
  if (local_copy < MANY_CHUNKS * PREFIX_BYTES)
    throw new Error(`the index was not taken in: ${local_copy} bytes`);
  const other = place.fresh('other');
  makeSmallJson(other, 'another seed');
  const after = place.run(HOLDFAST.program, HOLDFAST.backup(grown, other));
  const growth = (run: Run) => (run.memory_bytes - before.memory_bytes) / MIB;
  return [
    {
      measure: '10,000,000 chunks: memory of a backup grows by',
      value: growth(after),
      unit: 'MiB',
      limit: 100,
    },
    { measure: '  and while it reads that index', value: growth(filling), unit: 'MiB', limit: 100 },
    { measure: '  that backup', value: after.wall_ms / 1000, unit: 's' },
    { measure: '  the one that took the index in', value: filling.wall_ms / 1000, unit: 's' },
  ];
}

interface Comparison {
  readonly what: string;
  readonly source: string;
  readonly runs: number;
  readonly limits: Limits;
  readonly has_restore: boolean;
}

function compare(place: Workplace, comparison: Comparison): Figure[] {
  const tools = [HOLDFAST, ...presentPeers()];
  const rounds = new Map<string, Round[]>(tools.map(({ name }) => [name, []]));
  for (let round = 0; round < comparison.runs; round += 1) {
    for (const tool of round % 2 === 0 ? tools : tools.toReversed()) {
      rounds.get(tool.name)?.push(oneRound(place, tool, comparison));
    }
  }
  place.clear();
  return [
    ...tools.flatMap(({ name }) => rowsOf(comparison.what, name, rounds.get(name) ?? [])),
    ...ratiosOf(comparison, rounds),
  ];
}

function oneRound(place: Workplace, tool: BackupTool, { source, has_restore }: Comparison): Round {
  const repository = place.unused(tool.name);
  place.run(tool.program, tool.init(repository));
  // So that no tool has to read it from the disk for the others.
  warm(source);
  const first = place.run(tool.program, tool.backup(repository, source));
  const again = place.run(tool.program, tool.backup(repository, source));
  const repository_bytes = sizeOf(repository);
  const can_restore = has_restore && tool.name !== 'borg';
  const restore = can_restore
    ? place.run(tool.program, tool.restore(repository, place.unused('target')))
    : undefined;
  return { first, again, restore, repository_bytes };
}

function rowsOf(what: string, name: string, rounds: readonly Round[]): Figure[] {
  const of = (value: (round: Round) => number) => median(rounds.map(value));
  const row = (measure: string, value: number, unit: string) => ({
    measure: `${what}, ${name}: ${measure}`,
    value,
    unit,
  });
  const restores = rounds.flatMap(({ restore }) => (restore === undefined ? [] : [restore.wall_ms]));
  return [
    row('first backup', of(({ first }) => first.wall_ms) / 1000, 's'),
    row('  of processor', of(({ first }) => first.cpu_ms) / 1000, 's'),
    row('nothing changed', of(({ again }) => again.wall_ms) / 1000, 's'),
    ...(restores.length > 0 ? [row('restore', median(restores) / 1000, 's')] : []),
    row('repository', of(({ repository_bytes }) => repository_bytes) / MIB, 'MiB'),
    row('memory', of(({ first, again }) => Math.max(first.memory_bytes, again.memory_bytes)) / MIB, 'MiB'),
  ];
}

/** Ours against the better of restic and rustic in the same round; the median of the rounds. */
function ratiosOf({ what, limits }: Comparison, rounds: ReadonlyMap<string, readonly Round[]>): Figure[] {
  const ours = rounds.get(HOLDFAST.name) ?? [];
  const peers = ['restic', 'rustic'].flatMap((name) => rounds.get(name) ?? []);
  const ratio = (value: (round: Round) => number | undefined) => {
    const ratios = ours.map((round, index) => {
      const others = ['restic', 'rustic'].flatMap((name) => rounds.get(name)?.[index] ?? []);
      return (value(round) ?? Number.NaN) / Math.min(...others.map((other) => value(other) ?? Number.NaN));
    });
    return median(ratios);
  };
  const memory =
    median(ours.map(({ first, again }) => Math.max(first.memory_bytes, again.memory_bytes))) / MIB;
  const figures: Figure[] = [];
  const add = (measure: string, value: number, limit: number | undefined) =>
    figures.push({ measure: `${what}: ${measure}`, value, unit: '×', ...(limit !== undefined && { limit }) });
  if (peers.length > 0) {
    add(
      'first backup against the faster peer',
      ratio(({ first }) => first.wall_ms),
      limits.first,
    );
    add(
      'nothing changed against the faster peer',
      ratio(({ again }) => again.wall_ms),
      limits.again,
    );
    if (limits.restore !== undefined)
      add(
        'restore against the faster peer',
        ratio(({ restore }) => restore?.wall_ms),
        limits.restore,
      );
    add(
      'size against the smaller peer',
      ratio(({ repository_bytes }) => repository_bytes),
      limits.size,
    );
  }
  if (limits.memory_mib !== undefined)
    figures.push({ measure: `${what}: peak memory`, value: memory, unit: 'MiB', limit: limits.memory_mib });
  return figures;
}

function made(place: Workplace, name: string, make: (folder: string) => void): string {
  const folder = join(place.path, `source-${name}`);
  if (!existsSync(folder)) make(folder);
  return folder;
}

function warm(folder: string): void {
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) readFileSync(join(entry.parentPath, entry.name));
  }
}

/** What it takes on the disk, as `du` says: whole blocks, and the folders too. */
function sizeOf(folder: string): number {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => lstatSync(join(folder, name)))
    .reduce((sum, { blocks }) => sum + blocks * BLOCK_BYTES, 0);
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? Number.NaN;
}
