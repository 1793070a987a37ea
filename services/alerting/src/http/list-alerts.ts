import { AlertItem, ListAlertsQuery } from '@holdfast/contracts/http/alerting';
import { cutPage, decodeCursor, pageOf } from '@holdfast/http/cursor';
import type { HttpServer } from '@holdfast/http/server';
import type { Clock } from '@holdfast/runtime/clock';
import { z } from 'zod';
import type { AlertStore } from '../adapters/alert-store.ts';
import type { NotificationStore } from '../adapters/notification-store.ts';
import type { Alert } from '../domain/alert/state.ts';
import { alertItem } from './alert-item.ts';

export interface ListDeps {
  alerts: AlertStore;
  notifications: NotificationStore;
  clock: Clock;
}

const Place = z.object({ started_at_ms: z.number(), alert_id: z.string() });

/** `GET /api/alerts`: newest first. */
export function listAlerts(app: HttpServer, { alerts, notifications, clock }: ListDeps): void {
  const schema = {
    tags: ['alerts'],
    summary: 'What people were told, newest first',
    querystring: ListAlertsQuery,
    response: { 200: pageOf(AlertItem) },
  };
  app.get('/api/alerts', { config: { role: 'viewer' }, schema }, async (request) => {
    const { limit, cursor, ...filter } = request.query;
    const before = cursor === undefined ? undefined : decodeCursor(cursor, Place);
    const found = alerts.list({ ...filter, before }, limit + 1);
    const place = ({ started_at_ms, alert_id }: Alert) => ({ started_at_ms, alert_id });
    const { page, next_cursor } = cutPage(found, limit, place);
    const now_ms = clock.now_ms();
    const now = { silences: alerts.silences(now_ms), now_ms };
    return {
      items: page.map((alert) => alertItem(alert, notifications.ofAlert(alert.alert_id), now)),
      next_cursor,
    };
  });
}
