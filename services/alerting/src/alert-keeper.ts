import type { DatabaseSync } from 'node:sqlite';
import type { HoldfastEvent } from '@holdfast/contracts/catalog';
import type { HoldfastConfig } from '@holdfast/contracts/config';
import { HoldfastError } from '@holdfast/contracts/errors';
import { firstTime } from '@holdfast/event-store/dedup';
import { newEvent, newId, type Origin } from '@holdfast/event-store/new-event';
import type { Outbox } from '@holdfast/event-store/outbox';
import { type Clock, timestamp } from '@holdfast/runtime/clock';
import { transaction } from '@holdfast/runtime/sqlite';
import type { AlertStore, Cause, KeptAlert } from './adapters/alert-store.ts';
import type { NotificationStore } from './adapters/notification-store.ts';
import { createAlarm } from './alarm.ts';
import { applyObservation } from './apply-observation.ts';
import { acknowledge } from './domain/alert/decide.ts';
import { messageOf, summaryOf } from './domain/alert/message.ts';
import { silencedUntil } from './domain/alert/silence.ts';
import { type Alert, figuresOf, type MessageKind } from './domain/alert/state.ts';
import { dueAt, tick, type Waits } from './domain/alert/timing.ts';
import { channelsFor } from './domain/routing/route.ts';
import { observe, type RuleContext } from './domain/rule/observe.ts';
import type { AlertingMetrics } from './metrics.ts';

/** What the keeper needs. */
export interface KeeperDeps {
  db: DatabaseSync;
  alerts: AlertStore;
  notifications: NotificationStore;
  outbox: Outbox;
  clock: Clock;
  origin: Origin;
  config: HoldfastConfig['alerts'];
  rules: RuleContext;
  waits: Waits;
  base_url: string;
  metrics: AlertingMetrics;
  /** After the commit: notifications wait. */
  onQueued(): void;
  /** Time could not do its part: the service cannot go on. */
  onFailure(error: unknown): void;
}

/** The state of all alerts, and the only one who changes it: each change and its events are one transaction. */
export interface AlertKeeper extends Disposable {
  /** Takes events in, each once by its id. */
  take(events: readonly HoldfastEvent[]): void;
  /** `not_found` where there is none. */
  acknowledge(alert_id: string, by: string, comment: string): Alert;
  /** Looks at the clock now: after a start, and when silences changed. */
  wake(): void;
}

const CONSUMER = 'on-event';

function alertData(alert: Alert) {
  return {
    alert_id: alert.alert_id,
    fingerprint: alert.fingerprint,
    rule: alert.rule,
    severity: alert.severity,
    summary: summaryOf(alert),
    started_at: timestamp(alert.started_at_ms),
    counts: { ...figuresOf(alert) },
  };
}

const about = ({ alert, cause }: KeptAlert) => ({
  subject: alert.alert_id,
  cause,
  correlationid: alert.correlation_id,
  aggregateversion: alert.version,
});

/** What a later event answers with: our own event, where there is one, is nearer than what made us tell it. */
function causeOf({ id, correlationid, traceparent }: Cause): Cause {
  return { id, correlationid, ...(traceparent !== undefined && { traceparent }) };
}

function fire(deps: KeeperDeps, kept: KeptAlert): KeptAlert {
  const fired = newEvent(deps.origin, 'AlertFired', { ...about(kept), data: alertData(kept.alert) });
  deps.outbox.add([fired]);
  deps.metrics.alertFired(kept.alert);
  return { ...kept, cause: causeOf(fired) };
}

function resolve(deps: KeeperDeps, kept: KeptAlert, now_ms: number): KeptAlert {
  const data = { ...alertData(kept.alert), resolved_at: timestamp(now_ms) };
  const resolved = newEvent(deps.origin, 'AlertResolved', { ...about(kept), data });
  deps.outbox.add([resolved]);
  deps.metrics.alertResolved(kept.alert);
  return { ...kept, cause: causeOf(resolved) };
}

function takeOne(deps: KeeperDeps, event: HoldfastEvent): void {
  if (!firstTime(deps.db, CONSUMER, event.id)) return;
  const seen = observe(event, deps.rules);
  if (seen === null) return;
  const now = { event_id: event.id, correlation_id: event.correlationid, now_ms: deps.clock.now_ms() };
  for (const { alert, fired } of applyObservation(deps.alerts, seen, now)) {
    const changed = { alert, cause: causeOf(event) };
    deps.alerts.save(fired ? fire(deps, changed) : changed, dueAt(alert, deps.waits));
  }
}

/** Queues a message on every channel that hears of the alert. */
function tell(deps: KeeperDeps, kept: KeptAlert, kind: MessageKind): void {
  const { alert, cause } = kept;
  const message = messageOf(alert, kind, deps.base_url);
  for (const channel of channelsFor(deps.config, alert)) {
    const channel_type = deps.config.channels[channel]?.type ?? 'log';
    const now_ms = deps.clock.now_ms();
    const id = { notification_id: newId(now_ms), alert_id: alert.alert_id, round: alert.told.length };
    deps.notifications.add({ ...id, channel, channel_type, message, cause }, now_ms);
  }
}

function tickOne(deps: KeeperDeps, { alert, cause }: KeptAlert, now_ms: number): boolean {
  const silenced = silencedUntil(alert, deps.alerts.silences(now_ms), now_ms);
  const ticked = tick(alert, deps.waits, now_ms, silenced);
  const changed = { alert: ticked.alert, cause };
  const kept = ticked.resolved ? resolve(deps, changed, now_ms) : changed;
  deps.alerts.save(kept, dueAt(kept.alert, deps.waits));
  if (ticked.tell !== null) tell(deps, kept, ticked.tell);
  return ticked.tell !== null;
}

/** Starts keeping: what is due already is done at the first `wake`. */
export function createAlertKeeper(deps: KeeperDeps): AlertKeeper {
  const { db, alerts, clock, outbox } = deps;
  const letTimePass = () => {
    const now_ms = clock.now_ms();
    const due = alerts.due(now_ms);
    const queued = transaction(db, () => due.map((kept) => tickOne(deps, kept, now_ms)));
    if (due.length > 0) outbox.wake();
    if (queued.includes(true)) deps.onQueued();
  };
  const alarm = createAlarm(clock, () => wake());
  const wake = () => {
    try {
      letTimePass();
      alarm.set(alerts.nextDue());
    } catch (error) {
      deps.onFailure(error);
    }
  };
  return {
    take: (events) => {
      transaction(db, () => {
        for (const event of events) takeOne(deps, event);
      });
      outbox.wake();
      alarm.set(alerts.nextDue());
    },
    acknowledge: (alert_id, by, comment) => {
      const acked = transaction(db, () => {
        const kept = alerts.get(alert_id);
        if (kept === null) throw new HoldfastError('not_found', `there is no alert ${alert_id}`);
        const alert = acknowledge(kept.alert, by, comment, clock.now_ms());
        if (alert === kept.alert) return alert;
        alerts.save({ ...kept, alert }, dueAt(alert, deps.waits));
        const data = { alert_id, fingerprint: alert.fingerprint, comment };
        const fields = { ...about({ ...kept, alert }), actor: by, data };
        outbox.add([newEvent(deps.origin, 'AlertAcknowledged', fields)]);
        return alert;
      });
      outbox.wake();
      wake();
      return acked;
    },
    wake,
    [Symbol.dispose]: () => alarm[Symbol.dispose](),
  };
}
