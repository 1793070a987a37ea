import type { DatabaseSync } from 'node:sqlite';
import type { HoldfastEvent } from '@holdfast/contracts/catalog';
import type { StrategyName } from '@holdfast/contracts/recovery-events';
import { newEvent, type Origin } from '@holdfast/event-store/new-event';
import type { Outbox } from '@holdfast/event-store/outbox';
import type { Logger } from '@holdfast/runtime/logger';
import { transaction } from '@holdfast/runtime/sqlite';
import type { CaseStore } from './adapters/case-store.ts';
import { conclude, handOver, supersede } from './domain/loss-case/decide.ts';
import type { KnownVersion } from './domain/loss-case/manual-steps.ts';
import { type CaseEvent, evolve, type LossCase } from './domain/loss-case/state.ts';
import { skipUnavailable } from './domain/loss-case/strategies.ts';
import type { RecoveryMetrics } from './metrics.ts';
import type { Strategy, Task, TurnResult } from './task.ts';

export interface CaseWorkerDeps {
  readonly db: DatabaseSync;
  readonly store: CaseStore;
  readonly outbox: Outbox;
  readonly origin: Origin;
  readonly strategies: ReadonlyMap<StrategyName, Strategy>;
  readonly metrics: RecoveryMetrics;
  readonly log: Logger;
  /** Called after the end of each recovery is durable. */
  readonly onEnded: (recovery_id: string) => void;
}

interface Ended {
  readonly task: Task;
  readonly state: LossCase;
  readonly ending: CaseEvent;
}

/** Takes cases through their strategies, and keeps and publishes how they end: both in one transaction. */
export interface CaseWorker {
  work(tasks: readonly Task[]): Promise<Map<string, TurnResult>>;
  /** Ends cases that nobody works on. */
  supersede(tasks: readonly Task[], reason: string): void;
}

/** The worker of one service. */
export function createCaseWorker(deps: CaseWorkerDeps): CaseWorker {
  return {
    async work(tasks) {
      const results = new Map<string, TurnResult>();
      const ended: Ended[] = [];
      let open = tasks.map((task): Round => ({ task, state: task.state, known: [] }));
      while (open.length > 0) {
        const round = await tryNext(deps, open);
        ended.push(...round.ended);
        for (const [case_id, result] of round.later) results.set(case_id, result);
        open = round.open;
      }
      close(deps, ended);
      return results;
    },
    supersede(tasks, reason) {
      close(
        deps,
        tasks.map((task) => ({ task, state: task.state, ending: supersede(task.state, reason) })),
      );
    },
  };
}

interface Round {
  readonly task: Task;
  readonly state: LossCase;
  readonly known: readonly KnownVersion[];
}

/** Every case gets a turn at its next strategy; those of the same strategy together. */
async function tryNext(deps: CaseWorkerDeps, rounds: readonly Round[]) {
  const available = new Set(deps.strategies.keys());
  const ready = rounds.map((round) => ({ ...round, state: skipUnavailable(round.state, available) }));
  const ended = ready.filter((round) => round.state.remaining.length === 0).map(handedOver);
  const later = new Map<string, TurnResult>();
  const open: Round[] = [];
  const groups = Map.groupBy(
    ready.filter((round) => round.state.remaining.length > 0),
    (round) => round.state.remaining[0]?.strategy,
  );
  for (const [name, group] of groups) {
    const strategy = name && deps.strategies.get(name);
    if (!strategy) continue;
    const results = await strategy(group.map(({ task, state }) => ({ ...task, state })));
    for (const round of group) {
      const result = results.get(round.state.case_id);
      if (result?.kind === 'later') later.set(round.state.case_id, result);
      else if (result) settle(round, result, { ended, open });
    }
  }
  return { ended, later, open };
}

function handedOver({ task, state, known }: Round): Ended {
  return { task, state, ending: handOver(state, known) };
}

function settle(
  round: Round,
  result: TurnResult & { kind: 'done' },
  into: { ended: Ended[]; open: Round[] },
) {
  const { attempt, duration_ms } = result;
  const { state, ending } = conclude(round.state, attempt, duration_ms);
  if (ending) into.ended.push({ task: round.task, state, ending });
  else into.open.push({ ...round, state, known: attempt.kind === 'refused' ? attempt.known : round.known });
}

function close(deps: CaseWorkerDeps, ended: readonly Ended[]): void {
  if (ended.length === 0) return;
  const { db, store, outbox, origin, metrics, log } = deps;
  const now_ms = origin.clock.now_ms();
  transaction(db, () => {
    for (const { state, ending } of ended) store.update(evolve(state, ending), now_ms);
    outbox.add(ended.map((each) => endingEvent(origin, each)));
  });
  outbox.wake();
  for (const { task, state, ending } of ended) {
    metrics.ended(state, ending);
    log[LEVEL[ending.type]]({ ...ending.data, tried: undefined, outcome: ending.type }, 'a case has ended');
    task.span.setAttribute('holdfast.outcome', ending.type).end();
  }
  for (const recovery_id of new Set(ended.map(({ state }) => state.recovery_id))) deps.onEnded(recovery_id);
}

const LEVEL = {
  FileRecovered: 'info',
  RecoverySuperseded: 'info',
  RecoveryFailed: 'error',
  ManualRecoveryRequired: 'warn',
} as const;

function endingEvent(origin: Origin, { task, state, ending }: Ended): HoldfastEvent {
  const { traceId, spanId, traceFlags } = task.span.spanContext();
  const base = {
    correlationid: task.correlationid,
    actor: task.actor,
    traceparent: `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`,
    ...(task.cause && { cause: task.cause }),
  };
  if (ending.type === 'FileRecovered') {
    return newEvent(origin, ending.type, { ...base, subject: state.path, data: ending.data });
  }
  const subject = state.recovery_id;
  if (ending.type === 'RecoveryFailed')
    return newEvent(origin, ending.type, { ...base, subject, data: ending.data });
  if (ending.type === 'RecoverySuperseded')
    return newEvent(origin, ending.type, { ...base, subject, data: ending.data });
  return newEvent(origin, ending.type, { ...base, subject, data: ending.data });
}
