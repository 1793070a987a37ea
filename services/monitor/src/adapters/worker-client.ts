import { Worker } from 'node:worker_threads';
import { HoldfastError } from '@holdfast/contracts/errors';
import type { Differences } from './walk.ts';
import type { TaskMessage, TaskName, WorkerData, WorkerReply, WorkerTasks } from './worker-messages.ts';

/** What a thread makes dies young, and is little at a time: more room for it only makes the process larger. */
const LIMITS = { maxYoungGenerationSizeMb: 6 };

interface Asked {
  resolve(answer: never): void;
  reject(error: Error): void;
  onPart?: ((part: Differences) => Promise<void>) | undefined;
}

/** A worker thread that does one task after the other. Rejects with `internal` when it dies. */
export interface InspectionWorker extends AsyncDisposable {
  ask<Name extends TaskName>(
    task: Name,
    order: WorkerTasks[Name]['order'],
    onPart?: (part: Differences) => Promise<void>,
  ): Promise<WorkerTasks[Name]['answer']>;
}

/** Starts the thread at once, and anew at the first question after it died. */
export function createWorker(data: WorkerData): InspectionWorker {
  const asked = new Map<number, Asked>();
  let worker: Worker | undefined;
  let last_id = 0;
  const fail = (error: Error) => {
    for (const { reject } of asked.values()) reject(error);
    asked.clear();
    worker = undefined;
  };
  const start = () => {
    const started = new Worker(new URL('./inspection-worker.ts', import.meta.url), {
      workerData: data,
      resourceLimits: LIMITS,
    });
    started.on('message', (message: WorkerReply) => receive(message, asked, started));
    started.on('error', (cause) =>
      fail(new HoldfastError('internal', 'a worker of the monitor died', { cause })),
    );
    started.on('exit', () => {
      if (worker === started) fail(new HoldfastError('interrupted', 'a worker of the monitor was stopped'));
    });
    return started;
  };
  worker = start();
  return {
    ask: (task, order, onPart) => {
      worker ??= start();
      last_id += 1;
      const { promise, resolve, reject } = Promise.withResolvers<never>();
      asked.set(last_id, { resolve, reject, onPart });
      worker.postMessage({ id: last_id, task, order } satisfies TaskMessage);
      return promise;
    },
    [Symbol.asyncDispose]: async () => {
      await worker?.terminate();
    },
  };
}

function receive(message: WorkerReply, asked: Map<number, Asked>, worker: Worker) {
  const question = asked.get(message.id);
  if (question === undefined) return;
  if ('part' in message) {
    const goOn = () => worker.postMessage({ id: message.id, task: 'go on' });
    question.onPart?.(message.part).then(goOn, question.reject);
    return;
  }
  asked.delete(message.id);
  if ('error' in message) question.reject(new HoldfastError('internal', message.error));
  else question.resolve(message.answer as never);
}
