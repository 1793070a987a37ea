import type { StrategyName, TriedStrategy } from '@holdfast/contracts/recovery-events';
import type { LossCase, StrategyStep } from './state.ts';

/** One line of the table with its pattern compiled. */
export interface StrategyRule {
  readonly pattern: string;
  readonly matches: (path: string) => boolean;
  readonly steps: readonly StrategyStep[];
}

/** What a file gets that no pattern names. */
export const DEFAULT_STEPS: readonly StrategyStep[] = [
  { strategy: 'latest_backup' },
  { strategy: 'manual_recovery' },
];

/** The strategies of the first pattern that matches, else the default. */
export function stepsFor(path: string, table: readonly StrategyRule[]): readonly StrategyStep[] {
  return table.find((rule) => rule.matches(path))?.steps ?? DEFAULT_STEPS;
}

const refusal = (step: StrategyStep): TriedStrategy => ({
  strategy: step.strategy,
  outcome: 'unavailable',
  reason: 'this strategy is not part of this version',
  duration_ms: 0,
});

/**
 * The case with the strategies that cannot be used crossed off, up to the first that can. `remaining[0]` is then
 * the one to try; none is left where a person has to take over.
 */
export function skipUnavailable(state: LossCase, available: ReadonlySet<StrategyName>): LossCase {
  const next = state.remaining.findIndex((step) => available.has(step.strategy));
  const skipped = next === -1 ? state.remaining : state.remaining.slice(0, next);
  if (skipped.length === 0) return state;
  const tried = skipped.filter((step) => step.strategy !== 'manual_recovery').map(refusal);
  return {
    ...state,
    tried: [...state.tried, ...tried],
    remaining: next === -1 ? [] : state.remaining.slice(next),
  };
}
