import { spawnSync } from 'node:child_process';
import { expect, test } from '@jest/globals';

const POOL = new URL('../src/threads/worker-pool.ts', import.meta.url).href;

/** Ends a pool that has just begun, and tells what its threads did. */
const SCRIPT = `
  const { WorkerPool } = await import(${JSON.stringify(POOL)});
  process.on('worker', (worker) => {
    worker.on('message', ({ kind }) => console.log(kind));
    worker.on('exit', () => console.log('ended'));
  });
  await using pool = new WorkerPool();
  pool.lease()[Symbol.dispose]();
`;

// A native module that is broken off while it loads aborts the process.
test('threads are not ended before their code is loaded', () => {
  const args = ['--input-type=module', '-e', SCRIPT];
  const { status, stdout } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  const said = stdout.trim().split('\n');
  expect(status).toBe(0);
  expect(said.filter((word) => word === 'loaded').length).toBeGreaterThan(0);
  expect(said.filter((word) => word === 'ended')).toHaveLength(said.length / 2);
});
