import { execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { HoldfastError } from '@holdfast/contracts/errors';

const run = promisify(execFile);

/** Before 2.14 a full disk loses events, and atomic batches do not sync as one. */
export const VERSION_FLOOR = [2, 14, 0] as const;

const CHECKOUT = fileURLToPath(new URL('../../..', import.meta.url));
/** Where the set-up puts its own: by pip, or by `go install`. */
const CACHED_SERVERS = [
  join(CHECKOUT, '.cache', 'nats', 'venv', 'bin', 'nats-server'),
  join(CHECKOUT, '.cache', 'nats', 'go', 'nats-server'),
];

export interface NatsServer {
  readonly path: string;
  /** `2.15.1` */
  readonly version: string;
}

/** True for a version that keeps what it acknowledged. */
export function isNewEnough(version: string): boolean {
  const parts = version.replace(/^v/, '').split(/[.-]/).map(Number);
  for (const [index, floor] of VERSION_FLOOR.entries()) {
    const part = parts[index] ?? 0;
    if (part !== floor) return part > floor;
  }
  return true;
}

/** The first server that is new enough: HOLDFAST_NATS_SERVER, PATH, the set-up's cache; else `nats_missing`. */
export async function findNatsServer(env: NodeJS.ProcessEnv = process.env): Promise<NatsServer> {
  const named = env.HOLDFAST_NATS_SERVER;
  if (named !== undefined && named !== '') {
    const server = await ask(named);
    if (server !== undefined) return server;
    throw new HoldfastError(
      'nats_missing',
      `HOLDFAST_NATS_SERVER names ${named}, which is no nats-server ≥ 2.14`,
    );
  }
  const onPath = (env.PATH ?? '')
    .split(delimiter)
    .filter(Boolean)
    .map((folder) => join(folder, 'nats-server'));
  for (const candidate of [...onPath, ...CACHED_SERVERS]) {
    const server = await ask(candidate);
    if (server !== undefined) return server;
  }
  throw new HoldfastError('nats_missing', 'no nats-server ≥ 2.14 on PATH or in the cache of this checkout');
}

async function ask(path: string): Promise<NatsServer | undefined> {
  try {
    accessSync(path, constants.X_OK);
    const { stdout } = await run(path, ['--version'], { timeout: 10_000 });
    const version = /v(\d+\.\d+\.\d+)/.exec(stdout)?.[1];
    return version !== undefined && isNewEnough(version) ? { path, version } : undefined;
  } catch {
    // Not there, or not one: the next candidate.
    return undefined;
  }
}
