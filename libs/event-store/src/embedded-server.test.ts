import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { startTestNats, whyNoNats } from '@holdfast/testkit/nats';
import { tempDir } from '@holdfast/testkit/temp-dir';
import { eventually } from '@holdfast/testkit/wait-for';
import { describe, expect, test } from '@jest/globals';
import { startEmbedded } from './embedded-server.ts';

const missing = await whyNoNats();
const withNats = missing === undefined ? describe : describe.skip;

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // A zombie has no command line.
    return readFileSync(`/proc/${pid}/cmdline`).length > 0;
  } catch {
    return false;
  }
}

/** A process of its own that starts a server and prints its pid. */
async function startParent(data_dir: string) {
  const module = new URL('./embedded-server.ts', import.meta.url).href;
  const script = `
    const { startEmbedded } = await import('${module}');
    const nats = await startEmbedded({ data_dir: '${data_dir}', port: 0, host: 'web1' });
    console.log(nats.pid);
    setInterval(() => {}, 1000);`;
  const parent = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = await once(createInterface(parent.stdout), 'line');
  return { parent, server_pid: Number(line) };
}

withNats('embedded nats-server', () => {
  test('serves until it is stopped, and its keys and credentials are for its owner alone', async () => {
    using dir = tempDir();
    const nats = await startEmbedded({ data_dir: dir.path, port: 0, host: 'web1' });
    const { pid } = nats;
    expect(readFileSync(join(dir.path, 'nats', 'url'), 'utf8')).toBe(`${nats.url}\n`);
    for (const file of ['keys.json', 'ops.creds', 'monitor.creds', 'provisioner.creds', 'server.conf'])
      expect(statSync(join(dir.path, 'nats', file)).mode & 0o777).toBe(0o600);
    const keys = readFileSync(join(dir.path, 'nats', 'keys.json'), 'utf8');
    await nats[Symbol.asyncDispose]();
    expect(isAlive(pid)).toBe(false);
    expect(existsSync(join(dir.path, 'nats', 'url'))).toBe(false);
    await using again = await startEmbedded({ data_dir: dir.path, port: 0, host: 'web1' });
    expect(isAlive(again.pid)).toBe(true);
    expect(readFileSync(join(dir.path, 'nats', 'keys.json'), 'utf8')).toBe(keys);
  });

  test('takes a free port where the wanted one is taken', async () => {
    using dir = tempDir();
    const other = createServer().listen({ host: '127.0.0.1', port: 0 });
    await once(other, 'listening');
    const { port } = other.address() as { port: number };
    await using nats = await startEmbedded({ data_dir: dir.path, port, host: 'web1' });
    expect(nats.url).not.toBe(`nats://127.0.0.1:${port}`);
    other.close();
  });

  test('one that died or froze is started again at the same address', async () => {
    await using nats = await startTestNats();
    const { url, pid } = nats.server;
    process.kill(pid, 'SIGKILL');
    await eventually(() => nats.server.restarts === 1, { timeout_ms: 10_000 });
    process.kill(nats.server.pid, 'SIGSTOP');
    await eventually(() => nats.server.restarts === 2, { timeout_ms: 30_000 });
    expect(nats.server.url).toBe(url);
    const store = await nats.connect('audit');
    expect(await store.last_seq()).toBe(0);
  });

  test.each(['SIGKILL', 'SIGTERM'] as const)('is gone when its parent went by %s', async (signal) => {
    using dir = tempDir();
    const { parent, server_pid } = await startParent(dir.path);
    expect(isAlive(server_pid)).toBe(true);
    parent.kill(signal);
    await eventually(() => !isAlive(server_pid), { timeout_ms: 3_000 });
    expect(isAlive(server_pid)).toBe(false);
  });

  test('is gone also when it was frozen as its parent was killed', async () => {
    using dir = tempDir();
    const { parent, server_pid } = await startParent(dir.path);
    process.kill(server_pid, 'SIGSTOP');
    parent.kill('SIGKILL');
    await eventually(() => !isAlive(server_pid), { timeout_ms: 5_000 });
    expect(isAlive(server_pid)).toBe(false);
  });

  test('a process that only has the number of an old server is left alone', async () => {
    using dir = tempDir();
    mkdirSync(join(dir.path, 'nats'));
    const bystander = spawn('sleep', ['60'], { stdio: 'ignore' });
    writeFileSync(join(dir.path, 'nats', 'pid'), String(bystander.pid));
    await using _nats = await startEmbedded({ data_dir: dir.path, port: 0, host: 'web1' });
    expect(bystander.exitCode ?? bystander.signalCode).toBeNull();
    bystander.kill();
  });

  test('a server that an earlier run left is taken down', async () => {
    using dir = tempDir();
    const config = join(dir.path, 'nats', 'server.conf');
    mkdirSync(join(dir.path, 'nats'));
    const orphan = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)', config], {
      stdio: 'ignore',
    });
    writeFileSync(join(dir.path, 'nats', 'pid'), String(orphan.pid));
    const gone = once(orphan, 'exit');
    await using _nats = await startEmbedded({ data_dir: dir.path, port: 0, host: 'web1' });
    expect(await gone).toEqual([null, 'SIGTERM']);
  });
});
