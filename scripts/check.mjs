// `npm run check`: what CI runs first. All gates run, so that one go shows every kind of mistake.
import { delimiter, dirname, join } from 'node:path';
import { runThrough } from './setup/hand-over.mjs';
import { CHECKOUT, PINNED_NODE, setupOrExit } from './setup.mjs';

await setupOrExit({ nats: false });
process.chdir(CHECKOUT);
const env = {
  ...process.env,
  NODE_OPTIONS: '--experimental-vm-modules',
  NODE_NO_WARNINGS: '1',
  PATH: `${dirname(PINNED_NODE)}${delimiter}${process.env.PATH}`,
};
const bin = (name) => join(CHECKOUT, 'node_modules', '.bin', name);
const gates = [
  ['format and lint', bin('biome'), ['ci', '--diagnostic-level=warn', '--error-on-warnings', '.']],
  ['types', bin('tsc'), ['-p', '.']],
  ['layers and style', bin('jest'), ['test/tidy.test.ts', 'test/support/tidy', 'test/docs.test.ts']],
];
const failed = [];
for (const [gate, program, args] of gates) {
  const start = Date.now();
  const code = await runThrough(program, args, env);
  process.stdout.write(
    `${code === 0 ? 'ok    ' : 'FAILED'} ${gate} (${((Date.now() - start) / 1000).toFixed(1)} s)\n`,
  );
  if (code !== 0) failed.push(gate);
}
process.exitCode = failed.length === 0 ? 0 : 1;
