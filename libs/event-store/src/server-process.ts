import { execFile } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { HoldfastError, systemCode } from '@holdfast/contracts/errors';
import type { Accounts } from './accounts.ts';
import { type Guarded, send, startGuarded } from './guardian.ts';
import { writePrivateFile } from './private-file.ts';
import { serverConfig } from './server-config.ts';

const LOOPBACK = '127.0.0.1';
const POLL_MS = 20;
const GREETING_WITHIN_MS = 1_000;
const run = promisify(execFile);

/** What one launch needs. */
export interface Launch {
  readonly executable: string;
  /** DIR/nats */
  readonly folder: string;
  readonly accounts: Accounts;
  readonly port: number;
}

const files = (folder: string) => ({
  config: join(folder, 'server.conf'),
  pid: join(folder, 'pid'),
  output: join(folder, 'server.out'),
});

/** Starts the server and resolves when it greets clients; `nats_unreachable` with its last words where it ends instead. */
export async function launch({ executable, folder, accounts, port }: Launch): Promise<Guarded> {
  const { config, pid, output } = files(folder);
  rmSync(output, { force: true });
  writePrivateFile(config, serverConfig(folder, port, accounts));
  const server = await startGuarded([executable, '-c', config], output);
  writePrivateFile(pid, String(server.pid));
  const gone = server.exited.then(() => true);
  for (;;) {
    if (await greets(port)) return server;
    if (await Promise.race([gone, delay(POLL_MS, false)]))
      throw new HoldfastError('nats_unreachable', `nats-server did not start: ${await lastWords(folder)}`);
  }
}

async function lastWords(folder: string): Promise<string> {
  for (const file of [files(folder).output, join(folder, 'server.log')]) {
    const text = await readFile(file, 'utf8').catch(() => '');
    const line = text.split('\n').findLast((candidate) => /\[(ERR|FTL)\]|nats-server:/.test(candidate));
    if (line !== undefined) return line;
  }
  return 'it said nothing';
}

/** True where a NATS server answers: a frozen one still takes the connection, but says nothing. */
function greets(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: LOOPBACK, port, timeout: GREETING_WITHIN_MS });
    const end = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('data', (data) => end(data.toString().startsWith('INFO')));
    socket.once('error', () => end(false));
    socket.once('timeout', () => end(false));
    socket.once('close', () => end(false));
  });
}

/** The wanted port, or a free one where it is taken. */
export async function freePort(wanted: number): Promise<number> {
  const server = createServer();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen({ host: LOOPBACK, port: wanted, exclusive: true }, resolve);
  try {
    await promise;
  } catch (error) {
    if (wanted !== 0 && ['EADDRINUSE', 'EACCES'].includes(systemCode(error) ?? '')) return freePort(0);
    throw error;
  }
  const address = server.address();
  await new Promise((closed) => server.close(closed));
  return typeof address === 'object' && address !== null ? address.port : wanted;
}

/** Takes down a server that an earlier run left, if the process is really that: one that runs our configuration. */
export async function takeDownOrphan(folder: string): Promise<void> {
  const { pid: pid_file, config } = files(folder);
  const pid = readPid(pid_file);
  if (pid === undefined || !(await commandOf(pid)).includes(config)) return;
  for (let attempt = 0; (await commandOf(pid)).includes(config); attempt += 1) {
    send(pid, attempt < 1_000 / POLL_MS ? 'SIGTERM' : 'SIGKILL');
    await delay(POLL_MS);
  }
}

function readPid(file: string): number | undefined {
  try {
    const pid = Number(readFileSync(file, 'utf8'));
    return Number.isSafeInteger(pid) && pid > 1 ? pid : undefined;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** The command line of a process; nothing where it is gone (a zombie has none either). */
async function commandOf(pid: number): Promise<string> {
  if (process.platform === 'linux') return readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  const { stdout } = await run('ps', ['-o', 'command=', '-p', String(pid)]).catch(() => ({ stdout: '' }));
  return stdout;
}
