import type { HoldfastEvent } from '@holdfast/contracts/catalog';
import type { Span } from '@opentelemetry/api';
import type { Attempt } from './domain/loss-case/decide.ts';
import type { LossCase } from './domain/loss-case/state.ts';

/** A case that is being worked on. */
export interface Task {
  readonly state: LossCase;
  /** The loss; null where a person asked. */
  readonly cause: HoldfastEvent | null;
  readonly correlationid: string;
  readonly actor: string;
  readonly received_at_ms: number;
  /** When the first loss of its incident was detected. */
  readonly incident_at_ms: number;
  /** A dead run may have begun it. */
  readonly resumed: boolean;
  /** How often it was put off, and since when. */
  readonly turns: number;
  readonly waiting_since_ms: number | null;
  readonly span: Span;
}

/** What a turn at a task came to. `later`: nothing was changed, and it may go better after a while. */
export type TurnResult =
  | { readonly kind: 'done'; readonly attempt: Attempt; readonly duration_ms: number }
  | { readonly kind: 'later'; readonly delay_ms: number; readonly until_backup: boolean };

/** One way to get files back. Answers for every task, by case id; never rejects for a single file's sake. */
export type Strategy = (tasks: readonly Task[]) => Promise<Map<string, TurnResult>>;
