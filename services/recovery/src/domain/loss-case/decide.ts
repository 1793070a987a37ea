import type { EventData, HoldfastEvent } from '@holdfast/contracts/catalog';
import type { ErrorCode } from '@holdfast/contracts/errors';
import type { StrategyName, TriedStrategy } from '@holdfast/contracts/recovery-events';
import { type KnownVersion, manualSteps } from './manual-steps.ts';
import type { CaseEvent, LossCase, StrategyStep } from './state.ts';

export type LossEvent = HoldfastEvent<'FileDeleted' | 'FileCorrupted'>;

/** What is decided about a loss before any byte is looked at. */
export interface Opening {
  readonly recovery_id: string;
  readonly steps: readonly StrategyStep[];
  readonly folder_mtime_ns: string | null;
}

/** Opens the case of a loss. */
export function openCase(loss: LossEvent, opening: Opening): LossCase {
  const { host, source, path, checksum, size, detected_at } = loss.data;
  return {
    case_id: loss.id,
    recovery_id: opening.recovery_id,
    kind: loss.type === 'FileDeleted' ? 'deleted' : 'corrupted',
    host,
    source,
    path,
    wanted_checksum: checksum,
    wanted_size: size,
    bad_checksum: loss.type === 'FileCorrupted' ? loss.data.actual_checksum : null,
    at_ms: null,
    lost_at: detected_at,
    status: 'detected',
    remaining: opening.steps,
    tried: [],
    folder_mtime_ns: opening.folder_mtime_ns,
    outcome: null,
  };
}

/** What a person wants back. */
export interface RecoveryWish {
  readonly case_id: string;
  readonly host: string;
  readonly source: string;
  readonly path: string;
  /** The version that stood then; null: the lost one, or the newest. */
  readonly at_ms: number | null;
  readonly asked_at: string;
  /** The last case of this file that is not settled yet, if any: it knows which bytes are wanted, and which are bad. */
  readonly unsettled: LossCase | null;
}

/** Opens the case of a person's request. */
export function openRequest(wish: RecoveryWish, opening: Opening): LossCase {
  const { case_id, host, source, path, at_ms, asked_at, unsettled } = wish;
  return {
    ...{ case_id, host, source, path, at_ms, kind: 'requested', status: 'detected', outcome: null },
    recovery_id: opening.recovery_id,
    wanted_checksum: at_ms === null ? (unsettled?.wanted_checksum ?? null) : null,
    wanted_size: unsettled?.wanted_size ?? null,
    bad_checksum: unsettled?.bad_checksum ?? null,
    lost_at: unsettled?.lost_at ?? asked_at,
    remaining: opening.steps,
    tried: [],
    folder_mtime_ns: opening.folder_mtime_ns,
  };
}

/** The case of a source whose policy is to leave it to people: nothing is done, and nothing is published. */
export function leaveToPeople(state: LossCase): LossCase {
  return { ...state, status: 'manual', remaining: [] };
}

/** Work on the case begins. */
export function startRecovering(state: LossCase): LossCase {
  return state.status === 'detected' ? { ...state, status: 'recovering' } : state;
}

/** What trying a strategy came to. */
export type Attempt =
  | ({ readonly kind: 'placed' } & Placed)
  | { readonly kind: 'superseded'; readonly reason: string }
  | { readonly kind: 'refused'; readonly reason: string; readonly known: readonly KnownVersion[] }
  | { readonly kind: 'failed'; readonly code: ErrorCode; readonly message: string };

/** A file that stands again. */
export interface Placed {
  readonly backup_id: string | null;
  readonly snapshot_id: string | null;
  readonly checksum: string;
  readonly bytes: number;
  readonly exact: boolean;
  readonly quarantined_to: string | null;
  readonly placed_at_ms: number;
  readonly steps_ms: Readonly<Record<string, number>>;
}

const OUTCOME = { placed: 'recovered', superseded: 'refused', refused: 'refused', failed: 'failed' } as const;

function note(strategy: StrategyName, attempt: Attempt, duration_ms: number): TriedStrategy {
  let reason = 'the very bytes that were lost';
  if (attempt.kind === 'placed') {
    if (!attempt.exact) reason = 'the newest good version; the lost one was never backed up';
  } else reason = attempt.kind === 'failed' ? attempt.message : attempt.reason;
  return { strategy, outcome: OUTCOME[attempt.kind], reason, duration_ms };
}

const common = (state: LossCase, tried: readonly TriedStrategy[]) => ({
  recovery_id: state.recovery_id,
  host: state.host,
  source: state.source,
  path: state.path,
  tried: [...tried],
  lost_at: state.lost_at,
});

function recovered(state: LossCase, strategy: StrategyName, placed: Placed): EventData<'FileRecovered'> {
  const { placed_at_ms, steps_ms, ...facts } = placed;
  return {
    ...common(state, state.tried),
    strategy,
    backup_id: facts.backup_id,
    snapshot_id: facts.snapshot_id,
    checksum: facts.checksum,
    bytes: facts.bytes,
    exact: facts.exact,
    quarantined_to: facts.quarantined_to,
    duration_ms: Math.max(0, placed_at_ms - Date.parse(state.lost_at)),
    steps_ms: { ...steps_ms },
  };
}

/** The loss is over without us. */
export function supersede(state: LossCase, reason: string): CaseEvent {
  return { type: 'RecoverySuperseded', data: { ...common(state, state.tried), reason } };
}

/** No strategy is left: a person has to choose. */
export function handOver(state: LossCase, known: readonly KnownVersion[]): CaseEvent {
  const last = state.tried.at(-1);
  const reason = last ? `${last.strategy}: ${last.reason}` : 'no strategy is configured';
  return {
    type: 'ManualRecoveryRequired',
    data: { ...common(state, state.tried), reason, steps: manualSteps(state, known) },
  };
}

/** The case with the attempt written down, and how it ends where it does; none: the next strategy is to be tried. */
export function conclude(
  state: LossCase,
  attempt: Attempt,
  duration_ms: number,
): { state: LossCase; ending: CaseEvent | null } {
  const [step, ...remaining] = state.remaining;
  const strategy = step?.strategy ?? 'latest_backup';
  const next = { ...state, remaining, tried: [...state.tried, note(strategy, attempt, duration_ms)] };
  if (attempt.kind === 'refused') return { state: next, ending: null };
  if (attempt.kind === 'superseded') return { state: next, ending: supersede(next, attempt.reason) };
  if (attempt.kind === 'placed') {
    const { kind: _, ...placed } = attempt;
    return { state: next, ending: { type: 'FileRecovered', data: recovered(next, strategy, placed) } };
  }
  const error = { code: attempt.code, message: attempt.message };
  return { state: next, ending: { type: 'RecoveryFailed', data: { ...common(next, next.tried), error } } };
}
