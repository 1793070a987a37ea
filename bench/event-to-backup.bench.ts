import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { HoldfastEvent } from '@holdfast/contracts/catalog';
import { eventFilter } from '@holdfast/contracts/subjects';
import { newEvent } from '@holdfast/event-store/new-event';
import { systemClock } from '@holdfast/runtime/clock';
import { testContext } from '@holdfast/testkit/context';
import { startTestNats, TEST_HOST } from '@holdfast/testkit/nats';
import { tempDir } from '@holdfast/testkit/temp-dir';
import { eventually } from '@holdfast/testkit/wait-for';
import { startBackup } from '../services/backup/src/service.ts';

const FILES = Number(process.env['HOLDFAST_BENCH_FILES'] ?? 300_000);
const IN_A_FOLDER = 1_000;
const EDITS = 20;
/** On-change backups of one source are at most one a second: an edit that waits for that measures the wait. */
const PAUSE_MS = 1_500;

const percentile = (values: readonly number[], p: number) => {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * p) - 1)] ?? Number.NaN;
};

function writeTree(root: string): string[] {
  const paths: string[] = [];
  for (let n = 0; n < FILES; n += 1) {
    const folder = join(root, `folder-${Math.floor(n / IN_A_FOLDER)}`);
    if (n % IN_A_FOLDER === 0) mkdirSync(folder, { recursive: true });
    const path = join(folder, `file-${n}.json`);
    writeFileSync(path, `{"n":${n},"text":"a small file"}`);
    paths.push(path);
  }
  return paths;
}

/** What the monitor tells of an edit. */
function modified(path: string, content: string): HoldfastEvent {
  const checksum = `sha256:${createHash('sha256').update(content).digest('hex')}`;
  const mtime = new Date().toISOString();
  const data = { host: TEST_HOST, source: 'tree', path, size: content.length, mtime, checksum };
  const origin = { host: TEST_HOST, service: 'monitor', clock: systemClock } as const;
  return newEvent(origin, 'FileModified', { subject: path, data }) as HoldfastEvent;
}

/**
 * One file among 300,000 changes, twenty times: from the monitor's event until everybody can read BackupCreated. The
 * service, its engine and its disk are real, and so is NATS; only the events of the monitor are told by the bench.
 */
export async function run() {
  using folder = tempDir();
  const root = join(folder.path, 'tree');
  const paths = writeTree(root);
  await using nats = await startTestNats();
  const monitor = await nats.connect('monitor');
  const context = await testContext({
    name: 'backup',
    data_dir: join(folder.path, 'data'),
    events: await nats.connect('backup'),
    yaml: { host: TEST_HOST, sources: { tree: { root, backup_frequency: 'on_change' } } },
  });
  const first_ms = performance.now();
  await using _service = await startBackup(context.service_config, context);
  const created: HoldfastEvent<'BackupCreated'>[] = [];
  let arrived = Promise.withResolvers<void>();
  const audit = await nats.connect('audit');
  await audit.consume(
    { durable: 'audit_bench', filters: [eventFilter('BackupCreated', TEST_HOST)], kind: 'projection' },
    async (events) => {
      for (const { event } of events) if (event.type === 'BackupCreated') created.push(event);
      arrived.resolve();
    },
  );
  await eventually(() => created.length > 0, { timeout_ms: 300_000, what: 'the first backup' });
  const first_seconds = (performance.now() - first_ms) / 1000;

  const took_ms: number[] = [];
  const engine_ms: number[] = [];
  for (let edit = 0; edit < EDITS; edit += 1) {
    await sleep(PAUSE_MS);
    const path = paths[Math.floor(((edit + 0.5) * FILES) / EDITS)] as string;
    const content = `{"edit":${edit}}`;
    writeFileSync(path, content);
    const wanted = created.length + 1;
    const start_ms = performance.now();
    await monitor.append([modified(path, content)]);
    while (created.length < wanted) {
      await arrived.promise;
      arrived = Promise.withResolvers<void>();
    }
    took_ms.push(performance.now() - start_ms);
    const manifest = created.at(-1)?.data.manifest;
    if (manifest?.files_changed !== 1 || manifest.sources[0]?.files_backed_up !== FILES)
      throw new Error(`not the backup that was wanted: ${JSON.stringify(manifest)}`);
    engine_ms.push(manifest.metadata.backup_duration_seconds * 1000);
  }
  return [
    {
      measure: `event to BackupCreated, one of ${FILES} files, median`,
      value: percentile(took_ms, 0.5),
      unit: 'ms',
      limit: 300,
    },
    {
      measure: `event to BackupCreated, one of ${FILES} files, p99`,
      value: percentile(took_ms, 0.99),
      unit: 'ms',
      limit: 300,
    },
    {
      measure: '  of it: reading and storing, until the commit, median',
      value: percentile(engine_ms, 0.5),
      unit: 'ms',
    },
    { measure: '  the first backup, from the start of the service', value: first_seconds, unit: 's' },
    { measure: '  load of the machine (1 minute)', value: loadavg()[0] ?? Number.NaN, unit: '' },
  ];
}
