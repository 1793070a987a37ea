import { existsSync, readFileSync, unlinkSync, watch } from 'node:fs';
import { join } from 'node:path';
import { tempDir } from '@holdfast/testkit/temp-dir';
import { eventually } from '@holdfast/testkit/wait-for';
import { startHoldfastProcess } from '../test/support/holdfast-process.ts';
import { writeConversations } from '../test/support/tree.ts';

const FILES = 2_000;
const LOSSES = 200;
const SIZE = 20 * 1024;

/** Resolves at the moment a name appears in the folder. */
function appears(folder: string, name: string): Promise<number> {
  return new Promise((resolve) => {
    const watcher = watch(folder, (_kind, changed) => {
      if (changed !== name || !existsSync(join(folder, name))) return;
      watcher.close();
      resolve(performance.now());
    });
  });
}

const percentile = (sorted: readonly number[], p: number) =>
  sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * p) - 1)] ?? Number.NaN;

/** `rm` of one file among 2,000, two hundred times: from unlink until it stands again, and where the time went. */
export async function run() {
  using folder = tempDir();
  const root = join(folder.path, 'kb');
  const paths = writeConversations(root, FILES, SIZE);
  await using holdfast = await startHoldfastProcess({ data_dir: join(folder.path, 'data'), args: [root] });
  await eventually(async () => (await holdfast.events({ type: 'BackupCreated' })).length > 0, {
    timeout_ms: 60_000,
  });

  const took_ms: number[] = [];
  for (const path of paths.slice(0, LOSSES)) {
    const wanted = readFileSync(path);
    const back = appears(root, path.slice(root.length + 1));
    const start_ms = performance.now();
    unlinkSync(path);
    took_ms.push((await back) - start_ms);
    if (!readFileSync(path).equals(wanted)) throw new Error(`${path} came back with other bytes`);
  }
  took_ms.sort((a, b) => a - b);

  const recovered = await eventually(
    async () => {
      const events = await holdfast.events({ type: 'FileRecovered' });
      return events.length >= LOSSES && events;
    },
    { what: 'every recovery in the audit' },
  );
  const steps = new Map<string, number[]>();
  for (const event of recovered)
    for (const [step, ms] of Object.entries(event.data['steps_ms'] as Record<string, number>))
      steps.set(step, [...(steps.get(step) ?? []), ms]);
  const median = (values: number[]) =>
    percentile(
      values.sort((a, b) => a - b),
      0.5,
    );
  return [
    {
      measure: 'unlink until it stands again, median',
      value: percentile(took_ms, 0.5),
      unit: 'ms',
      limit: 50,
    },
    {
      measure: 'unlink until it stands again, p99',
      value: percentile(took_ms, 0.99),
      unit: 'ms',
      limit: 250,
    },
    ...[...steps].map(([step, values]) => ({
      measure: `  of it: ${step}, median`,
      value: median(values),
      unit: 'ms',
    })),
  ];
}
