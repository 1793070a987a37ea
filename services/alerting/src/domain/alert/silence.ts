import type { Severity } from '@holdfast/contracts/alert-events';
import type { RuleName } from '../rule/observation.ts';
import type { Alert } from './state.ts';

/** What a silence holds back: every key that is given must fit. */
export interface SilenceMatch {
  alert_id?: string | undefined;
  rule?: RuleName | undefined;
  severity?: Severity | undefined;
  source?: string | undefined;
  host?: string | undefined;
}

/** Messages of the alerts that it matches wait until it ends. */
export interface Silence {
  silence_id: string;
  match: SilenceMatch;
  reason: string;
  created_by: string;
  created_at_ms: number;
  until_ms: number;
}

function fits(alert: Alert, match: SilenceMatch): boolean {
  const is = (wanted: string | undefined, ...found: readonly string[]) =>
    wanted === undefined || found.includes(wanted);
  return (
    is(match.alert_id, alert.alert_id) &&
    is(match.rule, alert.rule) &&
    is(match.severity, alert.severity) &&
    is(match.host, ...alert.hosts) &&
    is(match.source, ...(alert.kind === 'loss' ? alert.sources : []))
  );
}

/** Until when an alert is silenced; 0: it is not. */
export function silencedUntil(alert: Alert, silences: readonly Silence[], now_ms: number): number {
  const ends = silences
    .filter((silence) => silence.until_ms > now_ms && fits(alert, silence.match))
    .map(({ until_ms }) => until_ms);
  return Math.max(0, ...ends);
}
