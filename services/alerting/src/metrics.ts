import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { Alert } from './domain/alert/state.ts';

/** What is counted: one call for each thing that happens; detail goes to the log. */
export interface AlertingMetrics {
  alertFired(alert: Alert): void;
  alertResolved(alert: Alert): void;
  /** `seconds`: one try. */
  notificationTried(channel_type: string, outcome: string, seconds: number): void;
}

/** `waiting` and `firing` are asked at each scrape. */
export function createMetrics(
  registry: Registry,
  now: { waiting(): number; firing(): number },
): AlertingMetrics {
  const registers = [registry];
  const fired = new Counter({
    name: 'holdfast_alerts_fired_total',
    help: 'Alerts that fired',
    labelNames: ['rule', 'severity'],
    registers,
  });
  const resolved = new Counter({
    name: 'holdfast_alerts_resolved_total',
    help: 'Alerts that were resolved',
    labelNames: ['rule'],
    registers,
  });
  const tried = new Histogram({
    name: 'holdfast_notification_try_seconds',
    help: 'Tries to send a notification, by outcome',
    labelNames: ['channel_type', 'outcome'],
    buckets: [0.005, 0.02, 0.1, 0.5, 1, 5, 10],
    registers,
  });
  new Gauge({
    name: 'holdfast_notifications_waiting',
    help: 'Notifications that are queued or being retried',
    registers,
    collect() {
      this.set(now.waiting());
    },
  });
  new Gauge({
    name: 'holdfast_alerts_firing',
    help: 'Alerts that are not resolved',
    registers,
    collect() {
      this.set(now.firing());
    },
  });
  return {
    alertFired: ({ rule, severity }) => fired.inc({ rule, severity }),
    alertResolved: ({ rule }) => resolved.inc({ rule }),
    notificationTried: (channel_type, outcome, seconds) => tried.observe({ channel_type, outcome }, seconds),
  };
}
