import type { Version } from '@holdfast/repository/api';
import { failureOf, isSweptAway } from './adapters/failures.ts';
import type { Written } from './adapters/put-back.ts';
import { backupIdOf, type Found } from './adapters/version-finder.ts';
import type { Attempt } from './domain/loss-case/decide.ts';
import type { Task, TurnResult } from './task.ts';

/** One task on its way through the steps of a batch, with a stopwatch. */
export interface Job {
  readonly task: Task;
  readonly started_ms: number;
  readonly steps_ms: Record<string, number>;
  /** When the last step ended. */
  mark_ms: number;
  found: Found | null;
  version: Version | null;
  exact: boolean;
  written: Written | null;
  result: TurnResult | null;
}

const SWEPT_AWAY_DELAY_MS = 10;
const SWEPT_AWAY_TURNS_MAX = 7;

export function startJob(task: Task, now_ms: number): Job {
  const started_ms = performance.now();
  return {
    task,
    started_ms,
    mark_ms: started_ms,
    steps_ms: { wait: Math.max(0, now_ms - task.received_at_ms) },
    found: null,
    version: null,
    exact: true,
    written: null,
    result: null,
  };
}

/** Ends a step: what has passed since the last one is its time. */
export function stopwatch(job: Job, step: string): void {
  const now = performance.now();
  job.steps_ms[step] = Math.round((now - job.mark_ms) * 1000) / 1000;
  job.mark_ms = now;
}

/** The strategy has come to its end for this file. */
export function conclude(job: Job, attempt: Attempt): void {
  const duration_ms = Math.round((performance.now() - job.started_ms) * 1000) / 1000;
  job.result = { kind: 'done', attempt, duration_ms };
}

/** It is to be tried again. */
export function putOff(job: Job, delay_ms: number, until_backup = false): void {
  job.result = { kind: 'later', delay_ms, until_backup };
}

/** Runs a step of one file: what goes wrong there ends that file's turn and nobody else's. */
export async function guarded(job: Job, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    const { turns, state } = job.task;
    if (isSweptAway(error) && turns < SWEPT_AWAY_TURNS_MAX)
      return putOff(job, SWEPT_AWAY_DELAY_MS * 2 ** turns);
    conclude(job, failureOf(error, state.path));
  }
}

/** The file stands again. */
export function concludePlaced(
  job: Job,
  version: Version,
  at: { quarantined_to: string | null; now_ms: number },
): void {
  const { entry, snapshot } = version;
  conclude(job, {
    kind: 'placed',
    backup_id: backupIdOf(snapshot),
    snapshot_id: snapshot.id,
    checksum: entry.checksum,
    bytes: entry.size,
    exact: job.exact,
    quarantined_to: at.quarantined_to,
    placed_at_ms: at.now_ms,
    steps_ms: job.steps_ms,
  });
}
