import type {
  ClearedObserved,
  ConditionObserved,
  LossObserved,
  Observation,
  OutcomeObserved,
  SummaryObserved,
} from '../rule/observation.ts';
import { worse } from '../rule/severity.ts';
import type { Alert, ConditionAlert, LossAlert, LossCounts, LostFile } from './state.ts';

const NAMED = 10;

/** What an observation is decided with: the identity of its event, and the time here. */
export interface Now {
  event_id: string;
  correlation_id: string;
  now_ms: number;
}
type At<Kind> = Kind & Pick<Observation, 'at_ms'>;

/** The alert that an observation would be added to. */
export function fingerprintOf(
  seen: LossObserved | OutcomeObserved | ConditionObserved | SummaryObserved,
): string {
  if (seen.type === 'condition') return `${seen.rule}/${seen.key}`;
  return `${seen.type === 'outcome' ? 'recovery_failed' : 'file_loss'}/${seen.incident}`;
}

function opened(seen: { at_ms: number; host: string }, now: Now) {
  return {
    // One event opens at most one alert, so its id names that alert, also when the event comes twice.
    alert_id: now.event_id,
    correlation_id: now.correlation_id,
    started_at_ms: seen.at_ms,
    changed_at_ms: seen.at_ms,
    seen_at_ms: now.now_ms,
    grown_at_ms: now.now_ms,
    touched_at_ms: now.now_ms,
    untold_since_ms: now.now_ms,
    resolved_at_ms: null,
    acked: null,
    told: [],
    held_until_ms: 0,
    hosts: [seen.host],
    version: 0,
  };
}

const NO_LOSSES: LossCounts = {
  deleted: 0,
  corrupted: 0,
  requested: 0,
  recovered: 0,
  failed: 0,
  superseded: 0,
  open: 0,
  inexact: 0,
};

function openIncident(seen: At<LossObserved | OutcomeObserved>, now: Now): LossAlert {
  return {
    ...opened(seen, now),
    kind: 'loss',
    rule: seen.type === 'loss' ? 'file_loss' : 'recovery_failed',
    fingerprint: fingerprintOf(seen),
    severity: seen.type === 'loss' ? seen.severity : 'high',
    status: 'firing',
    heals: seen.type === 'loss' ? seen.heals : true,
    counts: NO_LOSSES,
    sources: [],
    paths: [],
    failures: [],
    longest_recovery_ms: 0,
  };
}

const noted = (list: readonly string[], item: string) =>
  list.includes(item) || list.length >= NAMED ? list : [...list, item];

/** Adds a loss to its incident, opening it where there is none, and again where it was over. */
export function recordLoss(
  incident: LossAlert | null,
  file: LostFile | null,
  seen: At<LossObserved>,
  now: Now,
): { alert: LossAlert; file: LostFile } {
  const before = incident ?? openIncident(seen, now);
  const alert: LossAlert = {
    ...before,
    status: 'firing',
    severity: worse(before.severity, seen.severity),
    resolved_at_ms: null,
    heals: before.heals && seen.heals,
    counts: { ...before.counts, [seen.loss]: before.counts[seen.loss] + 1, open: before.counts.open + 1 },
    hosts: noted(before.hosts, seen.host),
    sources: noted(before.sources, seen.source),
    paths: noted(before.paths, seen.path),
    started_at_ms: Math.min(before.started_at_ms, seen.at_ms),
    changed_at_ms: Math.max(before.changed_at_ms, seen.at_ms),
    grown_at_ms: now.now_ms,
    touched_at_ms: now.now_ms,
    untold_since_ms: before.untold_since_ms ?? now.now_ms,
    version: before.version + 1,
  };
  const known = file ?? { alert_id: alert.alert_id, host: seen.host, path: seen.path, open: 0, failed: 0 };
  return { alert, file: { ...known, open: known.open + 1 } };
}

/** Says what the losses of an incident have in common: no news by itself, the next message has it. */
export function recordSummary(incident: LossAlert, { folders }: SummaryObserved): LossAlert {
  return { ...incident, folders, version: incident.version + 1 };
}

/** A failure that no loss is known for (a recovery that a person asked for): an incident of its own. */
export function recordFailedRequest(
  incident: LossAlert | null,
  seen: At<OutcomeObserved>,
  now: Now,
): { alert: LossAlert; file: LostFile | null } {
  const before = incident ?? openIncident(seen, now);
  const requested: LossAlert = {
    ...before,
    status: 'firing',
    resolved_at_ms: null,
    counts: { ...before.counts, requested: before.counts.requested + 1, open: before.counts.open + 1 },
    hosts: noted(before.hosts, seen.host),
    sources: noted(before.sources, seen.source),
    paths: noted(before.paths, seen.path),
    grown_at_ms: now.now_ms,
  };
  const file = { alert_id: requested.alert_id, host: seen.host, path: seen.path, open: 1, failed: 0 };
  return recordOutcome(requested, file, seen, now);
}

function countOutcome(counts: LossCounts, file: LostFile, seen: OutcomeObserved): LossCounts {
  if (seen.outcome === 'failed')
    return { ...counts, open: counts.open - file.open, failed: counts.failed + file.open };
  const over = file.open + file.failed;
  return {
    ...counts,
    open: counts.open - file.open,
    failed: counts.failed - file.failed,
    [seen.outcome]: counts[seen.outcome] + over,
    inexact: counts.inexact + (seen.outcome === 'recovered' && !seen.exact ? over : 0),
  };
}

function failuresAfter(alert: LossAlert, seen: OutcomeObserved): LossAlert['failures'] {
  const others = alert.failures.filter(({ path }) => path !== seen.path);
  if (seen.outcome !== 'failed') return others;
  const { path, reason, steps } = seen;
  return others.length >= NAMED ? others : [...others, { path, reason, steps }];
}

/** Says what became of all losses of one file; the file is null when nothing of it is left to wait for. */
export function recordOutcome(
  incident: LossAlert,
  file: LostFile,
  seen: At<OutcomeObserved>,
  now: Now,
): { alert: LossAlert; file: LostFile | null } {
  const bad = seen.outcome === 'failed' || !seen.exact;
  const alert: LossAlert = {
    ...incident,
    severity: bad ? worse(incident.severity, 'high') : incident.severity,
    counts: countOutcome(incident.counts, file, seen),
    failures: failuresAfter(incident, seen),
    longest_recovery_ms: Math.max(incident.longest_recovery_ms, seen.duration_ms),
    changed_at_ms: Math.max(incident.changed_at_ms, seen.at_ms),
    touched_at_ms: now.now_ms,
    untold_since_ms: incident.untold_since_ms ?? now.now_ms,
    version: incident.version + 1,
  };
  const left = seen.outcome === 'failed' ? { ...file, open: 0, failed: file.failed + file.open } : null;
  return { alert, file: left };
}

function openCondition(seen: At<ConditionObserved>, now: Now): ConditionAlert {
  return {
    ...opened(seen, now),
    kind: 'condition',
    rule: seen.rule,
    fingerprint: fingerprintOf(seen),
    severity: seen.severity,
    status: 'pending',
    headline: seen.headline,
    advice: seen.advice,
    closing: seen.closing,
    occurrences: 0,
    outstanding: [],
  };
}

/** Counts a condition; it fires from its threshold on. A resolved one, or one that stayed below too long, begins anew. */
export function recordCondition(
  current: ConditionAlert | null,
  seen: At<ConditionObserved>,
  now: Now,
): ConditionAlert {
  const { count, window_ms } = seen.threshold ?? { count: 1, window_ms: 0 };
  const lapsed = current?.status === 'pending' && now.now_ms - current.seen_at_ms > window_ms;
  const before =
    current === null || current.status === 'resolved' || lapsed ? openCondition(seen, now) : current;
  const occurrences = before.occurrences + 1;
  return {
    ...before,
    status: before.status === 'firing' || occurrences >= count ? 'firing' : 'pending',
    severity: worse(before.severity, seen.severity),
    headline: seen.headline,
    occurrences,
    outstanding: [...new Set([...before.outstanding, ...seen.parts])],
    hosts: noted(before.hosts, seen.host),
    changed_at_ms: Math.max(before.changed_at_ms, seen.at_ms),
    grown_at_ms: now.now_ms,
    touched_at_ms: now.now_ms,
    untold_since_ms: before.untold_since_ms ?? now.now_ms,
    version: before.version + 1,
  };
}

/** Takes parts that are well again off a condition; the same alert where none of them were on it. */
export function recordCleared(
  alert: ConditionAlert,
  seen: At<ClearedObserved>,
  now_ms: number,
): ConditionAlert {
  const outstanding = alert.outstanding.filter((part) => !seen.parts.includes(part));
  if (outstanding.length === alert.outstanding.length) return alert;
  return {
    ...alert,
    outstanding,
    changed_at_ms: Math.max(alert.changed_at_ms, seen.at_ms),
    touched_at_ms: now_ms,
    version: alert.version + 1,
  };
}

/** Somebody has seen it: no more digests; its resolution is still told. A second acknowledgement changes nothing. */
export function acknowledge<Kind extends Alert>(
  alert: Kind,
  by: string,
  comment: string,
  now_ms: number,
): Kind {
  if (alert.acked !== null) return alert;
  return {
    ...alert,
    acked: { by, at_ms: now_ms, comment },
    touched_at_ms: now_ms,
    version: alert.version + 1,
  };
}
