import { parentPort, workerData } from 'node:worker_threads';
import type { ServiceName } from '@holdfast/contracts/catalog';
import { asHoldfastError, isHoldfastError } from '@holdfast/contracts/errors';
import type { ServiceConfig } from '@holdfast/runtime/service';
import { loadService } from './load-service.ts';
import type { FromWorker, ToWorker } from './worker-messages.ts';

/** The door of one service in a worker thread: start, tell the address, stop when told to. */
async function run(name: ServiceName, config: ServiceConfig): Promise<void> {
  const start = await loadService(name);
  const service = await start(config);
  tell({ kind: 'ready', url: service.url });
  const stopped = new Promise<void>((resolve) => {
    parentPort?.on('message', (message: ToWorker) => {
      if (message.kind === 'stop') resolve();
    });
  });
  try {
    await Promise.race([stopped, service.failed]);
  } finally {
    await service[Symbol.asyncDispose]();
  }
}

function tell(message: FromWorker): void {
  parentPort?.postMessage(message);
}

function tellFailure(thrown: unknown): void {
  const error = asHoldfastError(thrown);
  const known = isHoldfastError(error) ? { code: error.code } : {};
  const message = Error.isError(error) ? error.message : String(error);
  const stack = Error.isError(error) && error.stack !== undefined ? { stack: error.stack } : {};
  tell({ kind: 'failed', message, ...known, ...stack });
}

const { name, config } = workerData as { name: ServiceName; config: ServiceConfig };
// What went wrong is told before the port is closed: nothing passes it afterwards.
run(name, config)
  .catch(tellFailure)
  .finally(() => parentPort?.close());
