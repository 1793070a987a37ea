import fs from 'node:fs';
import { dirname, join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import type { HoldfastEvent } from '@holdfast/contracts/catalog';
import { systemCode } from '@holdfast/contracts/errors';
import { newEvent, newId, type Origin } from '@holdfast/event-store/new-event';
import type { Outbox } from '@holdfast/event-store/outbox';
import { startSpan } from '@holdfast/runtime/telemetry';
import type { CaseStore } from './adapters/case-store.ts';
import type { RecoverySettings } from './config.ts';
import { type LossEvent, leaveToPeople, openCase, startRecovering } from './domain/loss-case/decide.ts';
import { isOpen, type LossCase } from './domain/loss-case/state.ts';
import { stepsFor } from './domain/loss-case/strategies.ts';
import type { RecoveryMetrics } from './metrics.ts';
import type { Task } from './task.ts';

export interface OpeningDeps {
  readonly db: DatabaseSync;
  readonly store: CaseStore;
  readonly outbox: Outbox;
  readonly origin: Origin;
  readonly settings: RecoverySettings;
  readonly metrics: RecoveryMetrics;
}

/** A loss as it came in. */
export interface Incoming {
  readonly event: LossEvent;
  readonly received_at_ms: number;
}

/** A batch that begins: kept, and its start told, inside the caller's transaction. */
export interface NewBatch {
  readonly correlationid: string;
  readonly actor: string;
  readonly cause: HoldfastEvent | null;
  readonly cases: readonly { state: LossCase; cause: HoldfastEvent | null; received_at_ms: number }[];
}

/** Opens a case for each loss; those of one incident are one recovery. Inside the caller's transaction. */
export function openLosses(deps: OpeningDeps, losses: readonly Incoming[]): Task[] {
  const incidents = Map.groupBy(losses, ({ event }) => event.correlationid);
  return [...incidents].flatMap(([correlationid, group]) => {
    const recovery_id = newId(deps.origin.clock.now_ms());
    const cases = group.map(({ event, received_at_ms }) => ({
      state: caseOf(deps, event, recovery_id),
      cause: event,
      received_at_ms,
    }));
    return begin(deps, { correlationid, actor: 'holdfast', cause: group[0]?.event ?? null, cases });
  });
}

function caseOf({ settings }: OpeningDeps, event: LossEvent, recovery_id: string): LossCase {
  const { path, source } = event.data;
  const steps = stepsFor(path, settings.strategies);
  const state = openCase(event, { recovery_id, steps, folder_mtime_ns: folderTime(path) });
  const policy = settings.sources.get(source)?.config.on_delete ?? 'recover';
  return policy === 'recover' ? startRecovering(state) : leaveToPeople(state);
}

/** mtime of the folder of a path, in nanoseconds as text; null where it is gone. */
export function folderTime(path: string): string | null {
  return String(fs.lstatSync(dirname(path), { bigint: true, throwIfNoEntry: false })?.mtimeNs ?? '') || null;
}

/** Keeps a batch and tells that it begins; the tasks are to be given to the queue after the commit. */
export function begin(deps: OpeningDeps, batch: NewBatch): Task[] {
  const { correlationid, actor, cause, cases } = batch;
  const now_ms = deps.origin.clock.now_ms();
  const recovery_id = cases[0]?.state.recovery_id;
  if (recovery_id === undefined) return [];
  const lost_at_ms = Math.min(...cases.map(({ state }) => Date.parse(state.lost_at)));
  deps.store.add({ recovery_id, correlationid, actor, started_at_ms: now_ms, lost_at_ms, cases });
  const open = cases.filter(({ state }) => isOpen(state));
  for (const { state } of open) deps.metrics.opened(state);
  if (open.length > 0) {
    const paths = open.slice(0, 100).map(({ state }) => state.path);
    const lost_at = open.map(({ state }) => state.lost_at).sort()[0] ?? new Date(now_ms).toISOString();
    const data = { recovery_id, host: deps.origin.host, files: open.length, paths, lost_at };
    const fields = { subject: recovery_id, data, correlationid, actor, ...(cause && { cause }) };
    deps.outbox.add([newEvent(deps.origin, 'RecoveryStarted', fields)]);
  }
  const incident_at_ms = deps.store.incidentStart(correlationid) ?? now_ms;
  return open.map((each) => taskOf({ ...each, correlationid, actor, incident_at_ms, resumed: false }));
}

/** Cases that a dead run left open, ready to be worked on again; what it left beside their targets is removed. */
export function resumeTasks(store: CaseStore, now_ms: number): Task[] {
  return store.openCases().map((each) => {
    removeLeftover(each.state);
    const incident_at_ms = store.incidentStart(each.correlationid) ?? now_ms;
    return taskOf({ ...each, received_at_ms: now_ms, incident_at_ms, resumed: true });
  });
}

function removeLeftover({ path, case_id }: LossCase): void {
  try {
    fs.unlinkSync(join(dirname(path), `.holdfast-${case_id}.tmp`));
  } catch (error) {
    if (systemCode(error) !== 'ENOENT' && systemCode(error) !== 'ENOTDIR') throw error;
  }
}

type TaskFacts = Omit<Task, 'turns' | 'waiting_since_ms' | 'span'>;

function taskOf(given: TaskFacts): Task {
  const { state, cause, correlationid, actor, received_at_ms, incident_at_ms, resumed } = given;
  const attributes = { 'file.path': state.path, 'holdfast.recovery_id': state.recovery_id };
  const span = startSpan('recover file', { parent: cause?.traceparent, attributes });
  const facts = { state, cause, correlationid, actor, received_at_ms, incident_at_ms, resumed };
  return { ...facts, turns: 0, waiting_since_ms: null, span };
}
