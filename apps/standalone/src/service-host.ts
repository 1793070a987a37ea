import { once } from 'node:events';
import { statfsSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import type { ServiceName } from '@holdfast/contracts/catalog';
import { HoldfastError } from '@holdfast/contracts/errors';
import type { Logger } from '@holdfast/runtime/logger';
import type { ServiceConfig } from '@holdfast/runtime/service';
import type { FromWorker, ToWorker } from './worker-messages.ts';

const RESTARTS_MAX = 5;
const RESTART_WINDOW_MS = 60_000;
const STOP_TIMEOUT_MS = 10_000;
/** With less than this in the data folder, whatever a service fails with is the disk's doing: SQLite and NATS name it in many ways. */
const ROOM_MIN_BYTES = 1024 * 1024;
const ROOM_LOOK_AGAIN_MS = 1_000;

/** A service in its own worker thread, started again when it fails. */
export interface ServiceHost extends AsyncDisposable {
  readonly name: ServiceName;
  /** Where it listens now; undefined while it is down. */
  url(): string | undefined;
  /** Rejects when it failed too often in a minute; for want of space it is tried for as long as it takes. */
  readonly failed: Promise<never>;
}

interface RunningWorker {
  url: string;
  ended: Promise<HoldfastError>;
  stop(): Promise<void>;
}

/** Starts the service; rejects with its own error when the first start fails. */
export async function hostService(
  name: ServiceName,
  config: ServiceConfig,
  log: Logger,
): Promise<ServiceHost> {
  let current: RunningWorker | undefined = await startWorker(name, config);
  const stopped = new AbortController();
  const failures: number[] = [];
  const { promise: failed, reject: giveUp } = Promise.withResolvers<never>();
  failed.catch(() => undefined);

  const supervise = async (): Promise<void> => {
    while (!stopped.signal.aborted && current !== undefined) {
      const reason = await current.ended;
      current = undefined;
      if (stopped.signal.aborted) return;
      log.error({ service: name, code: reason.code, err: reason }, 'service failed; starting it again');
      current = await restart(reason);
    }
  };
  const countFailure = (reason: HoldfastError): void => {
    const now_ms = Date.now();
    failures.push(now_ms);
    if (failures.filter((at_ms) => now_ms - at_ms < RESTART_WINDOW_MS).length > RESTARTS_MAX) throw reason;
  };
  const waitForRoom = async (): Promise<void> => {
    const { data_dir } = config;
    log.error({ service: name, code: 'storage_full', data_dir }, 'no space left; waiting for some');
    do await pause(ROOM_LOOK_AGAIN_MS, undefined, { signal: stopped.signal });
    while (isFull(data_dir));
  };
  const restart = async (reason: HoldfastError): Promise<RunningWorker> => {
    if (reason.code === 'storage_full' || isFull(config.data_dir)) await waitForRoom();
    else countFailure(reason);
    return startWorker(name, config).catch((error: HoldfastError) => {
      if (stopped.signal.aborted) throw error;
      return restart(error);
    });
  };
  const supervision = supervise().catch((error: unknown) => {
    if (!stopped.signal.aborted) giveUp(error);
  });

  return {
    name,
    url: () => current?.url,
    failed,
    [Symbol.asyncDispose]: async () => {
      stopped.abort();
      await current?.stop();
      await supervision;
    },
  };
}

function isFull(data_dir: string): boolean {
  const { bavail, bsize } = statfsSync(data_dir);
  return bavail * bsize < ROOM_MIN_BYTES;
}

async function startWorker(name: ServiceName, config: ServiceConfig): Promise<RunningWorker> {
  const worker = new Worker(new URL('./service-worker.ts', import.meta.url), {
    name,
    workerData: { name, config },
  });
  const failure = Promise.withResolvers<HoldfastError>();
  const ready = Promise.withResolvers<string>();
  worker.on('message', (message: FromWorker) => {
    if (message.kind === 'ready') return ready.resolve(message.url);
    const cause = Object.assign(new Error(message.message), { stack: message.stack });
    failure.resolve(new HoldfastError(message.code ?? 'internal', message.message, { cause }));
  });
  worker.on('error', (cause) =>
    failure.resolve(
      new HoldfastError('internal', `${name}: ${Error.isError(cause) ? cause.message : cause}`, { cause }),
    ),
  );
  worker.on('exit', (code) =>
    failure.resolve(new HoldfastError('internal', `${name} ended with code ${code}`)),
  );
  failure.promise.then(ready.reject);
  return { url: await ready.promise, ended: failure.promise, stop: () => stopWorker(worker) };
}

async function stopWorker(worker: Worker): Promise<void> {
  const exited = once(worker, 'exit');
  worker.postMessage({ kind: 'stop' } satisfies ToWorker);
  const timer = setTimeout(() => void worker.terminate(), STOP_TIMEOUT_MS);
  await exited;
  clearTimeout(timer);
}
