import type { Clock } from '@holdfast/runtime/clock';
import type { Task, TurnResult } from './task.ts';

export interface QueueOptions {
  readonly clock: Clock;
  /** Works on a batch whose paths differ; answers for each task by case id. A rejection ends the queue. */
  readonly work: (tasks: readonly Task[]) => Promise<Map<string, TurnResult>>;
  /** Smaller goes first. */
  readonly urgency: (task: Task) => number;
  /** Files in a batch, at most. */
  readonly batch_max?: number;
}

/** Cases on their way. What waits is taken as one batch; two batches run at a time, never two on the same path. */
export interface RecoveryQueue extends AsyncDisposable {
  add(tasks: readonly Task[]): void;
  /** A backup was made: those that wait for one have another look. */
  onBackup(source: string): void;
  /** Tasks that wait or are being worked on. */
  size(): number;
  /** Takes tasks of a path out that nobody works on yet; those in work are called off. */
  callOff(path: string): Task[];
  isCalledOff(case_id: string): boolean;
  /** Resolves when nothing is left, also nothing that was put off. */
  idle(): Promise<void>;
  /** Rejects when a batch could not be worked on at all. */
  readonly failed: Promise<never>;
}

const LANES = 2;
const BATCH_MAX = 2048;

interface PutOff {
  readonly task: Task;
  readonly until_backup: boolean;
  readonly cancel: () => void;
}

/** The queue of one service. */
export function createRecoveryQueue(options: QueueOptions): RecoveryQueue {
  const { clock, work, urgency, batch_max = BATCH_MAX } = options;
  let waiting: Task[] = [];
  const putOff = new Map<string, PutOff>();
  const working = new Map<string, Task>();
  const calledOff = new Set<string>();
  const idleCalls: (() => void)[] = [];
  const lanes = new Set<Promise<void>>();
  const failure = Promise.withResolvers<never>();
  failure.promise.catch(() => undefined);
  let stopped = false;

  const take = (): Task[] => {
    const taken: Task[] = [];
    const left: Task[] = [];
    for (const task of waiting) {
      const free = taken.length < batch_max && !working.has(task.state.path);
      if (free) working.set(task.state.path, task);
      (free ? taken : left).push(task);
    }
    waiting = left;
    return taken;
  };

  const wakeUp = (case_id: string) => {
    const entry = putOff.get(case_id);
    if (!entry) return;
    entry.cancel();
    putOff.delete(case_id);
    enqueue([entry.task]);
  };

  const delay = (task: Task, result: Extract<TurnResult, { kind: 'later' }>) => {
    const { case_id } = task.state;
    const waiting_since_ms = task.waiting_since_ms ?? clock.now_ms();
    const next = { ...task, turns: task.turns + 1, waiting_since_ms };
    const cancel = clock.after(result.delay_ms, () => wakeUp(case_id));
    putOff.set(case_id, { task: next, until_backup: result.until_backup, cancel });
  };

  const runBatch = async (tasks: readonly Task[]) => {
    const results = await work(tasks);
    for (const task of tasks) {
      working.delete(task.state.path);
      const result = results.get(task.state.case_id);
      if (result?.kind === 'later') delay(task, result);
      else calledOff.delete(task.state.case_id);
    }
  };

  const lane = async () => {
    // What came with the same read is one batch.
    for (let tasks = take(); tasks.length > 0 && !stopped; tasks = take()) await runBatch(tasks);
  };

  const pump = () => {
    if (stopped || lanes.size >= LANES || waiting.length === 0) return;
    const running = lane()
      .catch((error: unknown) => {
        stopped = true;
        failure.reject(error);
      })
      .then(() => {
        lanes.delete(running);
        if (waiting.some((task) => !working.has(task.state.path))) pump();
        if (size() === 0) for (const call of idleCalls.splice(0)) call();
      });
    lanes.add(running);
  };

  const enqueue = (tasks: readonly Task[]) => {
    waiting.push(...tasks);
    waiting.sort((one, other) => urgency(one) - urgency(other));
    pump();
  };

  const size = () => waiting.length + putOff.size + working.size;

  return {
    add: enqueue,
    onBackup(source) {
      for (const [case_id, { task, until_backup }] of [...putOff]) {
        if (until_backup && task.state.source === source) wakeUp(case_id);
      }
    },
    size,
    callOff(path) {
      const inWork = working.get(path);
      if (inWork) calledOff.add(inWork.state.case_id);
      const taken = waiting.filter((task) => task.state.path === path);
      waiting = waiting.filter((task) => task.state.path !== path);
      for (const [case_id, entry] of [...putOff]) {
        if (entry.task.state.path !== path) continue;
        entry.cancel();
        putOff.delete(case_id);
        taken.push(entry.task);
      }
      return taken;
    },
    isCalledOff: (case_id) => calledOff.has(case_id),
    idle: () => (size() === 0 ? Promise.resolve() : new Promise((resolve) => idleCalls.push(resolve))),
    failed: failure.promise,
    async [Symbol.asyncDispose]() {
      stopped = true;
      for (const { cancel } of putOff.values()) cancel();
      await Promise.all(lanes);
    },
  };
}
