import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { tempDir } from '@holdfast/testkit/temp-dir';
import { expect, test } from '@jest/globals';

const CHECKOUT = new URL('..', import.meta.url).pathname;
const SETUP = join(CHECKOUT, 'scripts', 'setup.mjs');
const LOCK = join(CHECKOUT, 'scripts', 'setup', 'lock.mjs');

async function run(program: string, args: string[], options: { env?: NodeJS.ProcessEnv; cwd?: string } = {}) {
  const env = { PATH: process.env.PATH, HOME: process.env.HOME, NODE_NO_WARNINGS: '1', ...options.env };
  const child = spawn(program, args, { env, cwd: options.cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close'),
  ]);
  return { code, stdout, stderr };
}

test('where nothing is missing the set-up says nothing and is quick', async () => {
  const start_ms = performance.now();
  expect(await run(process.execPath, [SETUP])).toEqual({ code: 0, stdout: '', stderr: '' });
  expect(performance.now() - start_ms).toBeLessThan(5000);
});

test('what cannot work is one clear line', async () => {
  const env = { HOLDFAST_NATS_SERVER: '/no/such/nats-server' };
  expect(await run(process.execPath, [SETUP], { env })).toEqual({
    code: 1,
    stdout: '',
    stderr: 'set-up: HOLDFAST_NATS_SERVER names /no/such/nats-server, which is no nats-server ≥ 2.14\n',
  });
});

test('the launcher works through symlinks, from anywhere', async () => {
  using dir = tempDir();
  mkdirSync(join(dir.path, 'bin'));
  symlinkSync(join(CHECKOUT, 'holdfast'), join(dir.path, 'bin', 'hf'));
  symlinkSync('bin/hf', join(dir.path, 'holdfast'));
  const { version } = JSON.parse(readFileSync(join(CHECKOUT, 'package.json'), 'utf8'));
  expect(await run('./holdfast', ['--version'], { cwd: dir.path })).toMatchObject({
    code: 0,
    stdout: `${version}\n`,
  });
  expect((await run('./holdfast', ['no-such-command'], { cwd: dir.path })).code).toBe(2);
});

test('two set-ups at once take turns; the lock of a dead one is taken over', async () => {
  using dir = tempDir();
  const lock = join(dir.path, 'setup.lock');
  const log = join(dir.path, 'log');
  mkdirSync(lock);
  writeFileSync(join(lock, 'pid'), '4194304');
  const script = `
    import { appendFileSync } from 'node:fs';
    import { withLock } from '${LOCK}';
    await withLock('${lock}', async () => {
      appendFileSync('${log}', 'in ');
      await new Promise((done) => setImmediate(done));
      appendFileSync('${log}', 'out ');
    });`;
  const both = await Promise.all(
    [1, 2, 3].map(() => run(process.execPath, ['--input-type=module', '-e', script])),
  );
  expect(both.map(({ code }) => code)).toEqual([0, 0, 0]);
  expect(readFileSync(log, 'utf8')).toBe('in out in out in out ');
});
