// Runs bench/*.bench.ts (those whose name holds one of the arguments), prints a table, writes bench/results/<date>.json.
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { basename, join } from 'node:path';

/** One figure. With a limit it is a promise: more than that fails the run. */
interface Figure {
  measure: string;
  value: number;
  unit: string;
  limit?: number;
}

const BENCH = new URL('../bench/', import.meta.url).pathname;
const wanted = process.argv.slice(2);
const files = readdirSync(BENCH)
  .filter((name) => name.endsWith('.bench.ts'))
  .filter((name) => wanted.length === 0 || wanted.some((part) => name.includes(part)));

const results: Record<string, Figure[]> = {};
for (const file of files) {
  const name = basename(file, '.bench.ts');
  process.stdout.write(`${name}\n`);
  const { run } = (await import(join(BENCH, file))) as { run: () => Promise<Figure[]> };
  const figures = await run();
  results[name] = figures;
  for (const figure of figures) process.stdout.write(`  ${row(figure)}\n`);
}
const machine = { cpu: cpus()[0]?.model ?? 'unknown', cores: cpus().length, memory_bytes: totalmem() };
const time = new Date().toISOString();
const folder = join(BENCH, 'results');
mkdirSync(folder, { recursive: true });
const target = join(folder, `${time.slice(0, 10)}.json`);
writeFileSync(target, `${JSON.stringify({ time, node: process.version, machine, results }, null, 2)}\n`);
process.stdout.write(`written to ${target}\n`);
if (Object.values(results).flat().some(isOver)) process.exitCode = 1;

function row(figure: Figure): string {
  const limit =
    figure.limit === undefined
      ? ''
      : `   ${isOver(figure) ? 'OVER' : 'within'} ${Number(figure.limit.toFixed(2))}`;
  return `${figure.measure.padEnd(60)} ${figure.value.toFixed(figure.value < 10 ? 2 : 1).padStart(12)} ${figure.unit}${limit}`;
}

function isOver({ value, limit }: Figure): boolean {
  return limit !== undefined && !(value <= limit);
}
