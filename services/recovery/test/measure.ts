import fs from 'node:fs';
import { join } from 'node:path';
import { createWorld } from './boot.ts';
import { randomBytes } from 'node:crypto';
const mode = process.argv[2];
const pct = (list: number[], p: number) => list.toSorted((a, b) => a - b)[Math.min(list.length - 1, Math.floor((p / 100) * list.length))]?.toFixed(2);
if (mode === 'single') {
  await using world = await createWorld();
  const files = Array.from({ length: 500 }, (_, n) => world.write(`d${n % 10}/kb_${n}.json`, JSON.stringify({ n, x: randomBytes(7500).toString('hex') + 'hola '.repeat(1000) })));
  await world.backup();
  await using _s = await world.start();
  const took: number[] = [];
  const steps: Record<string, number[]> = {};
  for (let i = 0; i < 200; i++) {
    const path = files[(i * 37) % 500]!;
    const bytes = fs.readFileSync(path);
    fs.rmSync(path);
    const start = performance.now();
    await world.tellDeleted(new Map([[path, bytes]]));
    while (!fs.existsSync(path)) await new Promise(setImmediate);
    took.push(performance.now() - start);
    await new Promise((r) => setTimeout(r, 15));
  }
  for (const { data } of await world.waitFor('FileRecovered', 200)) for (const [k, v] of Object.entries(data.steps_ms)) (steps[k] ??= []).push(v);
  console.log('single p50', pct(took, 50), 'p99', pct(took, 99), 'max', pct(took, 100));
  for (const [k, v] of Object.entries(steps)) console.log('  ', k, pct(v, 50), pct(v, 99));
} else {
  await using world = await createWorld();
  const files = new Map<string, Buffer>();
  for (let n = 0; n < 5000; n++) { const b = Buffer.from(JSON.stringify({ n, x: randomBytes(3000).toString('hex') + 'hola '.repeat(2800) })); files.set(world.write(`big/f${n % 50}/kb_${n}.json`, b), b); }
  let t = performance.now();
  await world.backup();
  console.log('backup', (performance.now() - t).toFixed(0));
  await using s = await world.start();
  fs.rmSync(join(world.root, 'big'), { recursive: true });
  t = performance.now();
  await world.tellDeleted(files);
  console.log('told', (performance.now() - t).toFixed(0));
  let done = 0;
  const paths = [...files.keys()];
  let left = paths;
  while (left.length) { left = left.filter((p) => !fs.existsSync(p)); done++; await new Promise((r) => setTimeout(r, 20)); }
  const ms = performance.now() - t;
  console.log('all stand after', ms.toFixed(0), 'ms', (5000 / ms * 1000).toFixed(0), '/s');
  for (;;) { const n = world.cases().filter((c) => c.status === 'recovered').length; if (n === 5000) break; await new Promise((r) => setTimeout(r, 20)); }
  console.log('all closed after', (performance.now() - t).toFixed(0));
  const r = await world.waitFor('FileRecovered', 5000);
  console.log(r[0]!.data.steps_ms, r[4999]!.data.steps_ms);
}
