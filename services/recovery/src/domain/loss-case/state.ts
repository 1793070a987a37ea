import type { EventData } from '@holdfast/contracts/catalog';
import type { StrategyName, TriedStrategy } from '@holdfast/contracts/recovery-events';

/** `detected` and `recovering` are open; the others are the end of a case. */
export type CaseStatus = 'detected' | 'recovering' | 'recovered' | 'superseded' | 'failed' | 'manual';

/** One line of `recovery.strategies`. */
export interface StrategyStep {
  readonly strategy: StrategyName;
  readonly max_age_hours?: number | undefined;
}

/** One lost file, from its loss event (or a person's request) to its end. */
export interface LossCase {
  /** Id of the event or request that opened it: a ULID, also in the name of its temporary file. */
  readonly case_id: string;
  /** The batch that it is worked on with. */
  readonly recovery_id: string;
  readonly kind: 'deleted' | 'corrupted' | 'requested';
  readonly host: string;
  readonly source: string;
  readonly path: string;
  /** Of the version wanted back; null where a person asked and none is known. */
  readonly wanted_checksum: string | null;
  readonly wanted_size: number | null;
  /** Of the bad bytes that were judged (and may be moved away); null where nothing may be touched. */
  readonly bad_checksum: string | null;
  /** The version that stood at that time is wanted, in place of what stands there now. */
  readonly at_ms: number | null;
  readonly lost_at: string;
  readonly status: CaseStatus;
  /** Not tried yet, the next one first. */
  readonly remaining: readonly StrategyStep[];
  readonly tried: readonly TriedStrategy[];
  /** mtime of the folder when the case was opened, in nanoseconds as text; null where it was gone. */
  readonly folder_mtime_ns: string | null;
  readonly outcome: CaseEvent | null;
}

type Ending = 'FileRecovered' | 'RecoveryFailed' | 'RecoverySuperseded' | 'ManualRecoveryRequired';
/** How a case ends: what is published about it. */
export type CaseEvent = { [Type in Ending]: { readonly type: Type; readonly data: EventData<Type> } }[Ending];

const STATUS: Record<Ending, CaseStatus> = {
  FileRecovered: 'recovered',
  RecoveryFailed: 'failed',
  RecoverySuperseded: 'superseded',
  ManualRecoveryRequired: 'manual',
};

/** True while somebody still has to work on it. */
export function isOpen(state: LossCase): boolean {
  return state.status === 'detected' || state.status === 'recovering';
}

/** The case after its end; a case that has ended stays as it is. */
export function evolve(state: LossCase, event: CaseEvent): LossCase {
  if (!isOpen(state)) return state;
  return { ...state, status: STATUS[event.type], tried: event.data.tried, remaining: [], outcome: event };
}
