import type { Severity } from '@holdfast/contracts/alert-events';
import type { Closing, RuleName, SummaryObserved } from '../rule/observation.ts';

/** `digest`: more of what was told before, still going on. */
export type MessageKind = 'firing' | 'resolved' | 'digest';

/** A message that went out on every channel of the route, and what it said. */
export interface Told {
  kind: MessageKind;
  at_ms: number;
  figures: Figures;
}
/** Exact counts, by name. */
export type Figures = Readonly<Record<string, number>>;

interface AlertBase {
  readonly alert_id: string;
  /** `<rule>/<key>`: what makes two observations the same alert. */
  readonly fingerprint: string;
  readonly rule: RuleName;
  readonly severity: Severity;
  /** `pending`: below its threshold; nobody is told. */
  readonly status: 'pending' | 'firing' | 'resolved';
  readonly correlation_id: string;
  /** As the first event says; for people. */
  readonly started_at_ms: number;
  /** As the last event says; for people. */
  readonly changed_at_ms: number;
  /** When it was first seen here: what the waits are counted from. */
  readonly seen_at_ms: number;
  /** When it last got worse, as seen here. */
  readonly grown_at_ms: number;
  /** When anything about it was last seen here. */
  readonly touched_at_ms: number;
  /** When the oldest news that nobody was told of was seen here. */
  readonly untold_since_ms: number | null;
  readonly resolved_at_ms: number | null;
  readonly acked: { by: string; at_ms: number; comment: string } | null;
  readonly told: readonly Told[];
  /** A silence holds its messages until then; 0: none does. */
  readonly held_until_ms: number;
  readonly hosts: readonly string[];
  /** Changes so far: the aggregate version of its events. */
  readonly version: number;
}

/** Of losses, not of files: a file that is lost twice counts twice. All but `open` and `inexact` are told. */
export interface LossCounts {
  deleted: number;
  corrupted: number;
  /** Told as failed without a loss that was seen: a recovery that a person asked for. */
  requested: number;
  recovered: number;
  failed: number;
  superseded: number;
  /** Outcome not known yet. Always: deleted + corrupted + requested = recovered + failed + superseded + open. */
  open: number;
  /** Of the recovered: from an older version. */
  inexact: number;
}

/** A file that no outcome is known of, with what a person can do. */
export interface Failure {
  path: string;
  reason: string;
  steps: readonly string[];
}

/** An incident: all losses that share a correlation id. */
export interface LossAlert extends AlertBase {
  readonly kind: 'loss';
  readonly heals: boolean;
  readonly counts: Readonly<LossCounts>;
  readonly sources: readonly string[];
  /** The first ten. */
  readonly paths: readonly string[];
  /** The first ten. */
  readonly failures: readonly Failure[];
  /** Folders that lost most of their files; absent where none did. */
  readonly folders?: SummaryObserved['folders'];
  /** The longest that one file was gone. */
  readonly longest_recovery_ms: number;
}

/** Anything else that a person should know. */
export interface ConditionAlert extends AlertBase {
  readonly kind: 'condition';
  readonly headline: string;
  readonly advice: string;
  readonly closing: Closing;
  readonly occurrences: number;
  readonly outstanding: readonly string[];
}

export type Alert = LossAlert | ConditionAlert;

/** A file of an incident whose loss is not over: the row that an outcome is matched with. */
export interface LostFile {
  readonly alert_id: string;
  readonly host: string;
  readonly path: string;
  readonly open: number;
  readonly failed: number;
}

/** The counts that people are told and that events carry. */
export function figuresOf(alert: Alert): Figures {
  if (alert.kind === 'condition') return { occurrences: alert.occurrences };
  const { deleted, corrupted, recovered, failed, superseded } = alert.counts;
  return { deleted, corrupted, recovered, failed, superseded };
}

/** True when nothing of it is left to mend or to wait for. */
export function isOver(alert: Alert, now_ms: number): boolean {
  if (alert.kind === 'loss') return alert.counts.open === 0 && alert.counts.failed === 0;
  if (alert.closing.by === 'event') return alert.outstanding.length === 0;
  if (alert.acked !== null) return true;
  return alert.closing.by === 'quiet' && now_ms >= alert.grown_at_ms + alert.closing.quiet_ms;
}
