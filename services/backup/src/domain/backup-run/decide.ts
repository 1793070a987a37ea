import type { BackupType } from '@holdfast/contracts/backup-events';
import type { EventData } from '@holdfast/contracts/catalog';
import { backoffMs } from '../backoff.ts';
import type { BackupRun, RunError, RunFact } from './state.ts';

/** Somebody who waits for an answer is told of a failure after so many attempts; the system itself never gives up. */
const REQUEST_ATTEMPTS = 3;
const BACKOFF_FIRST_MS = 1_000;
const BACKOFF_MAX_MS = 300_000;
/** Space does not come back within a second. */
const STORAGE_FULL_FIRST_MS = 5_000;

/** What follows from an attempt that failed: another one later, or the end. */
export function failed(run: BackupRun, error: RunError, now_ms: number): RunFact {
  const full = error.code === 'storage_full';
  const asked = run.reason === 'request' || run.reason === 'before_deployment';
  const hopeless = full || error.code === 'encryption_required';
  const over = asked && (hopeless || run.attempt >= REQUEST_ATTEMPTS);
  const first_ms = full ? STORAGE_FULL_FIRST_MS : BACKOFF_FIRST_MS;
  const delay_ms = backoffMs(run.attempt, { first_ms, max_ms: BACKOFF_MAX_MS });
  return { type: 'failed', at_ms: now_ms, error, retry_ms: over ? null : now_ms + delay_ms };
}

/** The next of the runs that wait for their turn, or null: those that may start first, then the oldest. */
export function nextInLine(runs: readonly BackupRun[]): BackupRun | null {
  const waiting = runs.filter((run) => run.status === 'requested' || run.status === 'retrying');
  const able = waiting.filter((run) => !waiting.some((other) => isOlderGroup(other, run)));
  able.sort((one, other) => one.not_before_ms - other.not_before_ms || one.requested_ms - other.requested_ms);
  return able[0] ?? null;
}

/** Groups take their turns in the same order at all their sources, or they wait for each other. None waits for what failed. */
function isOlderGroup(one: BackupRun, run: BackupRun): boolean {
  if (one.group === null || run.group === null || one.group === run.group || one.error !== null) return false;
  if (one.requested_ms !== run.requested_ms) return one.requested_ms < run.requested_ms;
  return one.group < run.group;
}

/** How the engine is to read for one backup type (what they mean stands in the README of this service). */
export interface Reading {
  /** Read every byte again, whatever stat says. */
  readonly full: boolean;
  /** Compare with the last full backup, not with the last backup. */
  readonly since_full: boolean;
}

/** What each type of backup reads. */
export function readingOf(type: BackupType): Reading {
  return { full: type === 'full', since_full: type === 'differential' };
}

type Announced = 'BackupRequested' | 'BackupStarted' | 'BackupFailed' | 'BackupCancelled';

/** The event that tells of a step, or null. On-change runs are told by their outcome only: one a second is enough. */
export function announcement(run: BackupRun): { type: Announced; data: EventData<Announced> } | null {
  const { backup_id, backup_type, reason } = run;
  const data = { backup_id, backup_type, sources: [run.source], reason, attempt: Math.max(1, run.attempt) };
  if (run.status === 'cancelled') return { type: 'BackupCancelled', data };
  if (run.error !== null && run.status !== 'running') {
    return { type: 'BackupFailed', data: { ...data, error: run.error } };
  }
  if (run.reason === 'on_change' || run.reason === 'reconciled') return null;
  if (run.status === 'requested') return { type: 'BackupRequested', data };
  if (run.status === 'running') return { type: 'BackupStarted', data };
  return null;
}
