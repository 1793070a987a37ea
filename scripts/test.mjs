// `npm test [-- jest's arguments]`: sets up, runs every test on the pinned Node, ends with one line of counts.
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { runThrough } from './setup/hand-over.mjs';
import { CHECKOUT, PINNED_NODE, setupOrExit } from './setup.mjs';

await setupOrExit({ tests: true });
const results = join(CHECKOUT, '.cache', `test-results.${process.pid}.json`);
mkdirSync(dirname(results), { recursive: true });
const code = await runThrough(
  PINNED_NODE,
  [
    join(CHECKOUT, 'node_modules/jest/bin/jest.js'),
    '--json',
    `--outputFile=${results}`,
    ...process.argv.slice(2),
  ],
  {
    ...process.env,
    NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ''} --experimental-vm-modules`.trim(),
    NODE_NO_WARNINGS: '1',
    PATH: `${dirname(PINNED_NODE)}${delimiter}${process.env.PATH}`,
  },
);
const { passed, failed, skipped } = count();
rmSync(results, { force: true });
for (const name of skipped) process.stdout.write(`skipped: ${name}\n`);
const rest = skipped.length === 0 ? '' : `, ${skipped.length} skipped`;
process.stdout.write(`${passed} passed, ${failed} failed${rest}\n`);
process.exitCode = code === 0 && failed > 0 ? 1 : code;

/** From jest's own results; a file that could not even start counts as one failure, and so does a run without results. */
function count() {
  let run;
  try {
    run = JSON.parse(readFileSync(results, 'utf8'));
  } catch {
    return { passed: 0, failed: code === 0 ? 0 : 1, skipped: [] };
  }
  const notRun = run.testResults
    .flatMap((file) => file.assertionResults)
    .filter(({ status }) => status === 'pending');
  return {
    passed: run.numPassedTests,
    failed: run.numFailedTests + run.numRuntimeErrorTestSuites,
    // With a name pattern everything else is "pending": that is not a test which could not run.
    skipped: process.argv.some((argument) => /^(-t|--testNamePattern)/.test(argument))
      ? []
      : notRun.map(({ fullName }) => fullName),
  };
}
