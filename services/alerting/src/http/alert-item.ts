import type { AlertItem } from '@holdfast/contracts/http/alerting';
import { timestamp } from '@holdfast/runtime/clock';
import type { NotificationView } from '../adapters/notification-store.ts';
import type { Silence } from '../domain/alert/silence.ts';
import type { Alert } from '../domain/alert/state.ts';
import { viewOf } from '../domain/alert/view.ts';

const orNull = (at_ms: number | null) => (at_ms === null ? null : timestamp(at_ms));

/** An alert as it goes over the wire. */
export function alertItem(
  alert: Alert,
  notifications: readonly NotificationView[],
  now: { silences: readonly Silence[]; now_ms: number },
): AlertItem {
  const { silenced_until_ms, failures, ...view } = viewOf(alert, now.silences, now.now_ms);
  return {
    alert_id: alert.alert_id,
    fingerprint: alert.fingerprint,
    rule: alert.rule,
    severity: alert.severity,
    ...view,
    counts: { ...view.counts },
    failures: failures.map(({ steps, ...failure }) => ({ ...failure, steps: [...steps] })),
    started_at: timestamp(alert.started_at_ms),
    resolved_at: orNull(alert.resolved_at_ms),
    acked_at: orNull(alert.acked?.at_ms ?? null),
    acked_by: alert.acked?.by ?? null,
    silenced_until: orNull(silenced_until_ms),
    correlation_id: alert.correlation_id,
    notifications: notifications.map(({ settled_at_ms, ...notification }) => ({
      ...notification,
      settled_at: orNull(settled_at_ms),
    })),
  };
}
