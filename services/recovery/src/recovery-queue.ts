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

interface PutOff {
  readonly task: Task;
  readonly until_backup: boolean;
  readonly cancel: () => void;
}

const LANES = 2;
const BATCH_MAX = 2048;

/** Cases on their way. What waits is taken as one batch; two batches run at a time, never two on the same path. */
export class RecoveryQueue implements AsyncDisposable {
  readonly #options: QueueOptions;
  readonly #failure = Promise.withResolvers<never>();
  readonly #lanes = new Set<Promise<void>>();
  #waiting: Task[] = [];
  /** By case id. */
  readonly #put_off = new Map<string, PutOff>();
  /** By path. */
  readonly #working = new Map<string, Task>();
  /** Case ids. */
  readonly #called_off = new Set<string>();
  #stopped = false;

  constructor(options: QueueOptions) {
    this.#options = options;
    this.#failure.promise.catch(() => undefined);
  }

  /** Rejects when a batch could not be worked on at all. */
  get failed(): Promise<never> {
    return this.#failure.promise;
  }

  /** Takes tasks in; where a lane is free, work begins before this returns. */
  add(tasks: readonly Task[]): void {
    const { urgency } = this.#options;
    this.#waiting.push(...tasks);
    this.#waiting.sort((one, other) => urgency(one) - urgency(other));
    this.#pump();
  }

  /** A backup was made: those that wait for one have another look. */
  onBackup(source: string): void {
    for (const [case_id, { task, until_backup }] of [...this.#put_off]) {
      if (until_backup && task.state.source === source) this.#wakeUp(case_id);
    }
  }

  /** Takes tasks of a path out that nobody works on; the one in work is called off. */
  callOff(path: string): Task[] {
    const in_work = this.#working.get(path);
    if (in_work) this.#called_off.add(in_work.state.case_id);
    const { of_path = [], others = [] } = Object.groupBy(this.#waiting, ({ state }) =>
      state.path === path ? 'of_path' : 'others',
    );
    this.#waiting = others;
    const put_off = [...this.#put_off.values()].filter(({ task }) => task.state.path === path);
    for (const { task, cancel } of put_off) {
      cancel();
      this.#put_off.delete(task.state.case_id);
    }
    return [...of_path, ...put_off.map(({ task }) => task)];
  }

  /** True where the file of a case in work is not wanted back any more. */
  isCalledOff(case_id: string): boolean {
    return this.#called_off.has(case_id);
  }

  /** Lets the batches under way end. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true;
    for (const { cancel } of this.#put_off.values()) cancel();
    await Promise.all(this.#lanes);
  }

  #pump(): void {
    if (this.#stopped || this.#lanes.size >= LANES || !this.#canTake()) return;
    const lane = this.#runLane()
      .catch((error: unknown) => {
        this.#stopped = true;
        this.#failure.reject(error);
      })
      .then(() => {
        this.#lanes.delete(lane);
        this.#pump();
      });
    this.#lanes.add(lane);
  }

  #canTake(): boolean {
    return this.#waiting.some(({ state }) => !this.#working.has(state.path));
  }

  async #runLane(): Promise<void> {
    for (let tasks = this.#take(); tasks.length > 0 && !this.#stopped; tasks = this.#take()) {
      await this.#runBatch(tasks);
    }
  }

  #take(): Task[] {
    const taken: Task[] = [];
    const left: Task[] = [];
    for (const task of this.#waiting) {
      const is_free =
        taken.length < (this.#options.batch_max ?? BATCH_MAX) && !this.#working.has(task.state.path);
      if (is_free) this.#working.set(task.state.path, task);
      (is_free ? taken : left).push(task);
    }
    this.#waiting = left;
    return taken;
  }

  async #runBatch(tasks: readonly Task[]): Promise<void> {
    const results = await this.#options.work(tasks);
    for (const task of tasks) {
      this.#working.delete(task.state.path);
      const result = results.get(task.state.case_id);
      const is_called_off = this.#called_off.has(task.state.case_id);
      if (result?.kind !== 'later') this.#called_off.delete(task.state.case_id);
      else if (is_called_off) this.#waiting.push(task);
      else this.#putOff(task, result);
    }
  }

  #putOff(task: Task, { delay_ms, until_backup }: Extract<TurnResult, { kind: 'later' }>): void {
    const { clock } = this.#options;
    const { case_id } = task.state;
    const waiting_since_ms = task.waiting_since_ms ?? clock.now_ms();
    const cancel = clock.after(delay_ms, () => this.#wakeUp(case_id));
    const next = { ...task, turns: task.turns + 1, waiting_since_ms };
    this.#put_off.set(case_id, { task: next, until_backup, cancel });
  }

  #wakeUp(case_id: string): void {
    const entry = this.#put_off.get(case_id);
    if (!entry) return;
    entry.cancel();
    this.#put_off.delete(case_id);
    this.add([entry.task]);
  }
}
