import { rmSync } from 'node:fs';
import type { ServiceName } from '@holdfast/contracts/catalog';
import { isHoldfastError } from '@holdfast/contracts/errors';
import { dataPaths } from '@holdfast/contracts/paths';
import { openAccounts } from './accounts.ts';
import { findNatsServer } from './find-nats-server.ts';
import type { Guarded } from './guardian.ts';
import { type Log, silentLog } from './log.ts';
import { pause } from './pause.ts';
import { writePrivateFile } from './private-file.ts';
import { provisionWith } from './provision.ts';
import { watchHealth } from './server-health.ts';
import { freePort, type Launch, launch, takeDownOrphan } from './server-process.ts';

const STOP_WITHIN_MS = 5_000;
/** A server that lived so long is started again at once. */
const LIVED_MS = 10_000;
const RESTART_AFTER_MS = 1_000;
const PORT_ATTEMPTS = 3;

export interface EmbeddedOptions {
  data_dir: string;
  /** Taken if it is free; 0 for any. */
  port: number;
  /** The name of this host in subjects, and so in permissions. */
  host: string;
  log?: Log;
}

/** A nats-server of our own: watched, started again when it dies or freezes, and gone when we are. */
export interface EmbeddedNats extends AsyncDisposable {
  readonly url: string;
  /** How often it had to be started again. */
  readonly restarts: number;
  /** Of the server that runs now. */
  readonly pid: number;
  /** The credentials file of a service, of `ops`, or of the `provisioner`. */
  creds(user: ServiceName | 'ops' | 'deploy' | 'provisioner'): string;
}

/** Resolves when it serves and its streams are there. `nats_missing`, or `nats_unreachable` with the server's last words. */
export async function startEmbedded(options: EmbeddedOptions): Promise<EmbeddedNats> {
  const { data_dir, host, log = silentLog } = options;
  const { nats: folder, nats_url } = dataPaths(data_dir);
  const { path: executable, version } = await findNatsServer();
  const accounts = openAccounts(data_dir, host);
  await takeDownOrphan(folder);
  const first = await launchOnFreePort({ executable, folder, accounts, port: options.port });
  const url = `nats://127.0.0.1:${first.plan.port}`;
  await using started = new AsyncDisposableStack();
  const supervisor = started.use(supervise(first.plan, first.server, log));
  await provisionWith({ url, credentials_file: accounts.credentials('provisioner') });
  const health = await watchHealth(
    { url, credentials_file: accounts.credentials('supervisor'), log },
    (problem) => {
      log.error({ problem }, 'nats-server is frozen or sick; killed');
      supervisor.kill();
    },
  );
  started.use(health);
  supervisor.onRestart(() => health.restarted());
  writePrivateFile(nats_url, `${url}\n`);
  started.defer(() => rmSync(nats_url, { force: true }));
  log.info({ url, version }, 'nats-server runs');
  const held = started.move();
  return {
    url,
    get restarts() {
      return supervisor.restarts();
    },
    get pid() {
      return supervisor.pid();
    },
    creds: accounts.credentials,
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

/** Between the look for a free port and the server's start another process may take it. */
async function launchOnFreePort(plan: Launch): Promise<{ plan: Launch; server: Guarded }> {
  for (let attempt = 1; ; attempt += 1) {
    const placed = { ...plan, port: await freePort(attempt === 1 ? plan.port : 0) };
    try {
      return { plan: placed, server: await launch(placed) };
    } catch (error) {
      if (!isHoldfastError(error) || !/in use/.test(error.message) || attempt === PORT_ATTEMPTS) throw error;
    }
  }
}

interface Supervisor extends AsyncDisposable {
  restarts(): number;
  pid(): number;
  kill(): void;
  onRestart(call: () => void): void;
}

function supervise(plan: Launch, first: Guarded, log: Log): Supervisor {
  const stopping = new AbortController();
  let [server, restarts, onRestart] = [first, 0, () => undefined as unknown];
  const run = async () => {
    for (let since = Date.now(); ; since = Date.now()) {
      await server.exited;
      if (stopping.signal.aborted) return;
      log.warn({ lived_ms: Date.now() - since }, 'nats-server died; starting it again');
      if (Date.now() - since < LIVED_MS && restarts > 0) await pause(RESTART_AFTER_MS, stopping.signal);
      const next = await relaunch(plan, stopping.signal, log);
      if (next === undefined) return;
      server = next;
      restarts += 1;
      onRestart();
    }
  };
  const running = run();
  return {
    restarts: () => restarts,
    pid: () => server.pid,
    kill: () => server.kill(),
    onRestart: (call) => {
      onRestart = call;
    },
    [Symbol.asyncDispose]: async () => {
      stopping.abort();
      await server.stop(STOP_WITHIN_MS);
      await running;
      // A start that was under way when we were told to stop.
      await server.stop(STOP_WITHIN_MS);
    },
  };
}

/** Tries until it runs, or we stop. */
async function relaunch(plan: Launch, stopped: AbortSignal, log: Log): Promise<Guarded | undefined> {
  while (!stopped.aborted) {
    try {
      return await launch(plan);
    } catch (error) {
      log.error({ err: error }, 'nats-server does not start; will retry');
      await pause(RESTART_AFTER_MS, stopped);
    }
  }
  return undefined;
}
