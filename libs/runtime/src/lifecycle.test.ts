import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { describe, expect, test } from '@jest/globals';
import { runUntilSignal } from './lifecycle.ts';

// Signals are a process's own, so each case is one. It says `up` when it serves and `drained` when it has disposed.
const LIFECYCLE = new URL('lifecycle.ts', import.meta.url).href;
const script = (dispose: string) => `
  import { runUntilSignal } from '${LIFECYCLE}';
  const idle = setInterval(() => undefined, 1000);
  await runUntilSignal(async () => {
    console.log('up');
    return { [Symbol.asyncDispose]: ${dispose} };
  });`;
const DRAINS = "async () => { clearInterval(idle); console.log('drained'); }";

async function runWith(dispose: string, ...signals: NodeJS.Signals[]) {
  const child = spawn(process.execPath, ['--input-type=module', '-e', script(dispose)], {
    env: { NODE_NO_WARNINGS: '1' },
  });
  const ended = once(child, 'exit');
  const output = text(child.stdout);
  await once(child.stdout, 'data');
  for (const signal of signals) {
    child.kill(signal);
    await Promise.race([once(child.stdout, 'data'), ended]);
  }
  const [code] = await ended;
  return { code, output: await output };
}

describe('runUntilSignal', () => {
  test.each(['SIGTERM', 'SIGINT'] as const)('%s drains and ends with 0', async (signal) => {
    expect(await runWith(DRAINS, signal)).toEqual({ code: 0, output: 'up\ndrained\n' });
  });

  test('a second signal does not wait', async () => {
    const hangs = "async () => { console.log('draining'); await new Promise(() => undefined); }";
    expect(await runWith(hangs, 'SIGTERM', 'SIGTERM')).toEqual({ code: 130, output: 'up\ndraining\n' });
  });

  test('a service that cannot go on is disposed, and its reason comes out', async () => {
    const steps: string[] = [];
    const failed = Promise.reject<never>(new Error('fsync failed'));
    const service = { failed, [Symbol.asyncDispose]: async () => void steps.push('disposed') };
    await expect(runUntilSignal(async () => service)).rejects.toThrow('fsync failed');
    await expect(runUntilSignal(() => Promise.reject(new Error('port taken')))).rejects.toThrow('port taken');
    expect([steps, process.listenerCount('SIGTERM')]).toEqual([['disposed'], 0]);
  });
});
