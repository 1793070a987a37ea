// The monitor over a large tree, beside chokidar over the same one. HOLDFAST_BENCH_FILES (default 1,000,000).
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { HoldfastEvent } from '@holdfast/contracts/catalog';
import { eventFilter } from '@holdfast/contracts/subjects';
import { startTestNats, TEST_HOST, type TestNats } from '@holdfast/testkit/nats';
import { tempDir } from '@holdfast/testkit/temp-dir';

const FILES = Number(process.env['HOLDFAST_BENCH_FILES'] ?? 1_000_000);
const IN_A_FOLDER = 50;
const DELETIONS = 50;
const MIB = 2 ** 20;

interface Place {
  readonly root: string;
  readonly data_dir: string;
  readonly nats: TestNats;
}

/** A process that was ready, and what it took until then. */
interface Started extends AsyncDisposable {
  readonly ready_seconds: number;
  readonly pid: number;
}

function writeTree(root: string): void {
  for (let n = 0; n < FILES; n += 1) {
    const folder = join(
      root,
      `part-${Math.floor(n / IN_A_FOLDER / 100)}`,
      `folder-${Math.floor(n / IN_A_FOLDER)}`,
    );
    if (n % IN_A_FOLDER === 0) mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, `file-${n}.txt`), `the content of file ${n}\n`);
  }
}

function pathOf(root: string, n: number): string {
  const folder = Math.floor(n / IN_A_FOLDER);
  return join(root, `part-${Math.floor(folder / 100)}`, `folder-${folder}`, `file-${n}.txt`);
}

/** Starts a script of this folder; resolves when it says `ready`. */
async function start(script: string, args: readonly string[]): Promise<Started> {
  const started_ms = performance.now();
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', new URL(script, import.meta.url).pathname, ...args],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
  await ready(child);
  const ready_seconds = (performance.now() - started_ms) / 1000;
  return { ready_seconds, pid: child.pid as number, [Symbol.asyncDispose]: () => end(child) };
}

async function ready(child: ChildProcess): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  child.once('exit', (code) => reject(new Error(`it ended with ${code} before it was ready`)));
  createInterface({ input: child.stdout as NonNullable<ChildProcess['stdout']> }).once('line', () =>
    resolve(),
  );
  await promise;
}

function end(child: ChildProcess): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  child.once('exit', () => resolve());
  child.stdin?.end();
  return promise;
}

/** Largest resident size of a process so far, MiB. */
function peakMemory(pid: number): number {
  const [, kib] = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'latin1')) ?? [];
  return (Number(kib) * 1024) / MIB;
}

function startMonitorOver({ root, data_dir, nats }: Place): Promise<Started> {
  return start('monitor-process.ts', [data_dir, root, nats.url, nats.server.creds('monitor')]);
}

/** Deletes files one by one; milliseconds from each unlink until another service has FileDeleted. */
async function deletions({ root, nats }: Place): Promise<number[]> {
  const told = new Map<string, () => void>();
  const audit = await nats.connect('audit');
  await audit.consume(
    { durable: 'audit_bench', filters: [eventFilter('FileDeleted', TEST_HOST)], kind: 'projection' },
    async (batch: readonly { event: HoldfastEvent }[]) => {
      for (const { event } of batch) told.get(event.subject)?.();
    },
  );
  const took_ms: number[] = [];
  for (let n = 0; n < DELETIONS; n += 1) {
    const path = pathOf(root, Math.floor(((n + 0.5) * FILES) / DELETIONS));
    const { promise, resolve } = Promise.withResolvers<void>();
    told.set(path, resolve);
    const start_ms = performance.now();
    unlinkSync(path);
    await promise;
    took_ms.push(performance.now() - start_ms);
  }
  return took_ms.sort((one, other) => one - other);
}

/** Ready over a registry that knows the tree; what is watched costs; from a deletion to its event. */
export async function run() {
  using folder = tempDir();
  const place = { root: join(folder.path, 'tree'), data_dir: join(folder.path, 'data') };
  writeTree(place.root);
  await using nats = await startTestNats();
  const first = await startMonitorOver({ ...place, nats });
  const first_memory = peakMemory(first.pid);
  await first[Symbol.asyncDispose]();
  await using again = await startMonitorOver({ ...place, nats });
  const again_memory = peakMemory(again.pid);
  const took_ms = await deletions({ ...place, nats });
  await using chokidar = await start('chokidar-process.ts', [place.root]);
  const at = (p: number) => took_ms[Math.ceil(took_ms.length * p) - 1] ?? Number.NaN;
  return [
    { measure: `${FILES} files: first registration`, value: first.ready_seconds, unit: 's' },
    { measure: '  its peak memory', value: first_memory, unit: 'MiB' },
    {
      measure: 'cold start with a known registry until ready',
      value: again.ready_seconds,
      unit: 's',
      limit: 30,
    },
    { measure: '  its peak memory', value: again_memory, unit: 'MiB', limit: 300e6 / MIB },
    { measure: 'unlink to FileDeleted at another service, median', value: at(0.5), unit: 'ms', limit: 10 },
    { measure: 'unlink to FileDeleted at another service, p99', value: at(0.99), unit: 'ms' },
    { measure: 'chokidar over the same tree until ready', value: chokidar.ready_seconds, unit: 's' },
    { measure: '  its peak memory', value: peakMemory(chokidar.pid), unit: 'MiB' },
    { measure: 'load of the machine (1 minute)', value: loadavg()[0] ?? Number.NaN, unit: '' },
  ];
}
