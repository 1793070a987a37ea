import { parentPort, workerData } from 'node:worker_threads';
import { ContentJudge } from './content/content-judge.ts';
import { openKnownSessions } from './content/known-sessions.ts';
import { findExpected } from './expected-files.ts';
import { hashSlowly } from './hash-slowly.ts';
import { readFile } from './read-file.ts';
import { countKnown, measureExtent } from './registry-extent.ts';
import { createTerritory } from './territory.ts';
import { walk } from './walk.ts';
import type {
  GoOnMessage,
  TaskMessage,
  TaskName,
  WorkerData,
  WorkerReply,
  WorkerTasks,
} from './worker-messages.ts';
import { findMappers, findWriters } from './writer-probe.ts';

// The body of a worker thread: what blocks for longer than a loop may.

const { database, schemas, ...options } = workerData as WorkerData;
const territory = createTerritory(options);
const judge = new ContentJudge({ schemas, sessions: openKnownSessions(database) });
const goOn = new Map<number, () => void>();

function reply(message: WorkerReply) {
  parentPort?.postMessage(message);
}

type Tasks = {
  [Name in TaskName]: (order: WorkerTasks[Name]['order'], id: number) => Promise<WorkerTasks[Name]['answer']>;
};

const tasks: Tasks = {
  read: async (orders) => orders.map((order) => readFile(order, judge)),
  writers: async (paths) => findWriters(paths),
  mappers: async (paths) => findMappers(paths),
  expect: async (order) => findExpected(order),
  known: async (order) => countKnown(order),
  extent: async (order) => measureExtent(order),
  hash: async (order) => hashSlowly(order),
  walk: (order, id) =>
    walk(order, territory, (part) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      goOn.set(id, resolve);
      reply({ id, part });
      return promise;
    }),
};

async function run({ id, task, order }: TaskMessage) {
  try {
    reply({ id, answer: await tasks[task](order as never, id) });
  } catch (error) {
    reply({ id, error: Error.isError(error) ? (error.stack ?? error.message) : String(error) });
  }
}

parentPort?.on('message', (message: TaskMessage | GoOnMessage) => {
  if (message.task === 'go on') goOn.get(message.id)?.();
  else void run(message);
});
