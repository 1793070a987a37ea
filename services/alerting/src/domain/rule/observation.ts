import type { Severity } from '@holdfast/contracts/alert-events';
import type { AlertRule } from '@holdfast/contracts/http/alerting';

/** What an alert can be about: routes and silences match these names. */
export type RuleName = AlertRule;

interface FileFact {
  /** The correlation id that all losses of one burst share. */
  incident: string;
  host: string;
  source: string;
  path: string;
}

/** A file was lost: it opens an incident, or adds to it. */
export interface LossObserved extends FileFact {
  type: 'loss';
  loss: 'deleted' | 'corrupted';
  severity: Severity;
  /** False where the source's policy is to tell, not to put back. */
  heals: boolean;
}

/** What the losses of one incident have in common, told beside them. */
export interface SummaryObserved {
  type: 'summary';
  incident: string;
  host: string;
  /** Folders that lost most of their files. */
  folders: readonly { folder: string; files_lost: number; files_known: number }[];
}

/** What became of a loss. */
export interface OutcomeObserved extends FileFact {
  type: 'outcome';
  outcome: 'recovered' | 'failed' | 'superseded';
  /** False: an older good version stands there now. */
  exact: boolean;
  duration_ms: number;
  reason: string;
  /** What a person can do, as commands. */
  steps: string[];
}

/** When a condition is over. */
export type Closing =
  | { by: 'event' }
  /** Nobody can see its end: somebody says so. */
  | { by: 'ack' }
  | { by: 'quiet'; quiet_ms: number };

/** Something other than a lost file that a person should know. */
export interface ConditionObserved {
  type: 'condition';
  rule: RuleName;
  /** With `rule`, the fingerprint: one alert is open for it at a time. */
  key: string;
  host: string;
  severity: Severity;
  headline: string;
  advice: string;
  closing: Closing;
  /** What must be cleared, each by name, until it is over. */
  parts: string[];
  /** Fires only from so many within the window. */
  threshold?: { count: number; window_ms: number };
}

/** Parts of a condition are well again. */
export interface ClearedObserved {
  type: 'cleared';
  rule: RuleName;
  host: string;
  parts: string[];
}

/** What one event means to alerting, at the time that the event tells. */
export type Observation = (
  | LossObserved
  | SummaryObserved
  | OutcomeObserved
  | ConditionObserved
  | ClearedObserved
) & {
  at_ms: number;
};
