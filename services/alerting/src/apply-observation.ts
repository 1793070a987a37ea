import type { AlertStore } from './adapters/alert-store.ts';
import {
  fingerprintOf,
  type Now,
  recordCleared,
  recordCondition,
  recordFailedRequest,
  recordLoss,
  recordOutcome,
  recordSummary,
} from './domain/alert/decide.ts';
import type { Alert, ConditionAlert, LossAlert, LostFile } from './domain/alert/state.ts';
import type {
  ClearedObserved,
  ConditionObserved,
  LossObserved,
  Observation,
  OutcomeObserved,
  SummaryObserved,
} from './domain/rule/observation.ts';

/** An alert that an observation changed; `fired`: it fires from now on. */
export interface Changed {
  alert: Alert;
  fired: boolean;
}
type At<Kind> = Kind & Pick<Observation, 'at_ms'>;

function latestLoss(store: AlertStore, seen: LossObserved | OutcomeObserved): LossAlert | null {
  const found = store.latest(fingerprintOf(seen))?.alert;
  return found?.kind === 'loss' ? found : null;
}

function keepFile(store: AlertStore, before: LostFile | null, after: LostFile | null): void {
  if (after !== null) store.saveFile(after);
  else if (before !== null) store.removeFile(before);
}

function applyLoss(store: AlertStore, seen: At<LossObserved>, now: Now): Changed[] {
  const incident = latestLoss(store, seen);
  const known = incident === null ? null : store.lostFile(incident.alert_id, seen.host, seen.path);
  const { alert, file } = recordLoss(incident, known, seen, now);
  store.saveFile(file);
  return [{ alert, fired: incident === null }];
}

/** Whoever made the file stand again, and under whatever correlation id: every incident that misses it is told. */
function applyOutcome(store: AlertStore, seen: At<OutcomeObserved>, now: Now): Changed[] {
  const files = store.lostFiles(seen.host, seen.path);
  if (files.length === 0 && seen.outcome === 'failed') {
    const incident = latestLoss(store, seen);
    const { alert, file } = recordFailedRequest(incident, seen, now);
    keepFile(store, null, file);
    return [{ alert, fired: incident === null }];
  }
  const changed: Changed[] = [];
  for (const file of files) {
    const incident = store.get(file.alert_id)?.alert;
    if (incident?.kind !== 'loss') continue;
    const next = recordOutcome(incident, file, seen, now);
    keepFile(store, file, next.file);
    changed.push({ alert: next.alert, fired: false });
  }
  return changed;
}

function applySummary(store: AlertStore, seen: SummaryObserved): Changed[] {
  const found = store.latest(fingerprintOf(seen))?.alert;
  return found?.kind === 'loss' ? [{ alert: recordSummary(found, seen), fired: false }] : [];
}

function applyCondition(store: AlertStore, seen: At<ConditionObserved>, now: Now): Changed[] {
  const found = store.latest(fingerprintOf(seen))?.alert;
  const current = found?.kind === 'condition' ? found : null;
  const alert = recordCondition(current, seen, now);
  if (current?.status === 'pending' && current.alert_id !== alert.alert_id) store.remove(current.alert_id);
  const fired =
    alert.status === 'firing' && (current?.status !== 'firing' || current.alert_id !== alert.alert_id);
  return [{ alert, fired }];
}

function applyCleared(store: AlertStore, seen: At<ClearedObserved>, now: Now): Changed[] {
  const open = store
    .open(seen.rule)
    .map(({ alert }) => alert)
    .filter(
      (alert): alert is ConditionAlert => alert.kind === 'condition' && alert.hosts.includes(seen.host),
    );
  return open
    .map((alert) => ({ before: alert, alert: recordCleared(alert, seen, now.now_ms), fired: false }))
    .filter(({ before, alert }) => alert !== before);
}

/** Adds what was seen to the alerts that it concerns. The caller keeps them: in this same transaction. */
export function applyObservation(store: AlertStore, seen: Observation, now: Now): Changed[] {
  switch (seen.type) {
    case 'loss':
      return applyLoss(store, seen, now);
    case 'outcome':
      return applyOutcome(store, seen, now);
    case 'summary':
      return applySummary(store, seen);
    case 'condition':
      return applyCondition(store, seen, now);
    case 'cleared':
      return applyCleared(store, seen, now);
  }
}
