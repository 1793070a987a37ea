import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MongoClient } from 'mongodb';
import { eventually } from './wait-for.ts';

/** A real replica set of one member, gone with its folder when disposed. */
export interface TestMongo extends AsyncDisposable {
  readonly url: string;
  readonly client: MongoClient;
  /** Kills the server as a power cut would, and starts it again; `between` may change the files in its folder. */
  restart(between?: (folder: string) => void): Promise<void>;
}

export interface TestMongoOptions {
  /** Of the oplog, in MiB; MongoDB's smallest is 990. */
  readonly oplog_mib?: number;
  /** Only who logs in gets in; `url` and `client` are of a user `root` with this password. */
  readonly password?: string;
}

const KEY_FILE = 'members.key';
const CACHE_GB = 0.25;
const START_MS = 30_000;
// scripts/setup/mongod.mjs puts it there.
const INSTALLED = fileURLToPath(new URL('../../../.cache/mongod/mongod', import.meta.url));

/** Starts one on a free port of the loopback, and waits until it is primary. */
export async function startTestMongo(options: TestMongoOptions = {}): Promise<TestMongo> {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-mongo-'));
  await using parts = new AsyncDisposableStack();
  parts.defer(() => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));
  const port = await freePort();
  const { password } = options;
  if (password !== undefined) writeFileSync(join(folder, KEY_FILE), 'a key of members', { mode: 0o600 });
  let server = startServer(folder, port, options);
  parts.defer(() => stop(server));
  const login = password === undefined ? '' : `root:${password}@`;
  const url = `mongodb://${login}127.0.0.1:${port}/?replicaSet=rs${login && '&authSource=admin'}`;
  await initiate(port, password);
  const client = parts.use(new MongoClient(url));
  await untilPrimary(client);
  const held = parts.move();
  return {
    url,
    client,
    restart: async (between = () => undefined) => {
      await stop(server);
      between(folder);
      server = startServer(folder, port, options);
      await untilPrimary(client);
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

/** Why tests that need MongoDB are skipped, or nothing. With CI=true there is no skipping: the test fails. */
export function whyNoMongo(): string | undefined {
  if (spawnSync(program(), ['--version']).status === 0) return undefined;
  const reason = 'there is no mongod that runs here: `npm test` tries to install it';
  if (process.env.CI === 'true') throw new Error(reason);
  return reason;
}

function program(): string {
  return process.env.HOLDFAST_MONGOD ?? INSTALLED;
}

function startServer(folder: string, port: number, { oplog_mib, password }: TestMongoOptions): ChildProcess {
  const args = ['--dbpath', folder, '--port', String(port), '--replSet', 'rs', '--bind_ip', '127.0.0.1'];
  const small = [
    '--wiredTigerCacheSizeGB',
    String(CACHE_GB),
    '--setParameter',
    'diagnosticDataCollectionEnabled=false',
    // What expires is gone within a second, not a minute.
    '--setParameter',
    'ttlMonitorSleepSecs=1',
  ];
  const oplog = oplog_mib === undefined ? [] : ['--oplogSize', String(oplog_mib)];
  const login = password === undefined ? [] : ['--keyFile', join(folder, KEY_FILE)];
  return spawn(program(), [...args, ...small, ...oplog, ...login], { stdio: 'ignore' });
}

async function stop(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return;
  server.kill('SIGKILL');
  await once(server, 'exit');
}

async function initiate(port: number, password: string | undefined): Promise<void> {
  await using client = new MongoClient(`mongodb://127.0.0.1:${port}/?directConnection=true`, {
    serverSelectionTimeoutMS: START_MS,
  });
  const members = [{ _id: 0, host: `127.0.0.1:${port}` }];
  await client.db('admin').command({ replSetInitiate: { _id: 'rs', members } });
  if (password === undefined) return;
  await untilPrimary(client);
  // The first user may be made from the same machine without logging in.
  await client.db('admin').command({ createUser: 'root', pwd: password, roles: ['root'] });
}

async function untilPrimary(client: MongoClient): Promise<void> {
  const isPrimary = async () => {
    try {
      return (await client.db('admin').command({ hello: 1 }))['isWritablePrimary'] === true;
    } catch {
      // It is still starting, or not elected yet: asked again until the time is over.
      return false;
    }
  };
  await eventually(isPrimary, { what: 'a primary', timeout_ms: START_MS });
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}
