import { AckAlertBody, AlertItem } from '@holdfast/contracts/http/alerting';
import { actorOf } from '@holdfast/http/caller';
import type { HttpServer } from '@holdfast/http/server';
import type { Clock } from '@holdfast/runtime/clock';
import { z } from 'zod';
import type { AlertStore } from '../adapters/alert-store.ts';
import type { NotificationStore } from '../adapters/notification-store.ts';
import type { AlertKeeper } from '../alert-keeper.ts';
import { alertItem } from './alert-item.ts';

export interface AckDeps {
  keeper: AlertKeeper;
  alerts: AlertStore;
  notifications: NotificationStore;
  clock: Clock;
}

/** `POST /api/alerts/:id/ack`: somebody is at it; no more digests of it. A second time changes nothing. */
export function ackAlert(app: HttpServer, { keeper, alerts, notifications, clock }: AckDeps): void {
  const schema = {
    tags: ['alerts'],
    summary: 'Say that somebody is at it',
    params: z.object({ id: z.string() }),
    body: AckAlertBody,
    response: { 200: AlertItem },
  };
  app.post('/api/alerts/:id/ack', { config: { role: 'backup_operator' }, schema }, async (request) => {
    keeper.acknowledge(request.params.id, actorOf(request.caller), request.body?.comment ?? '');
    const now_ms = clock.now_ms();
    const kept = alerts.get(request.params.id);
    if (kept === null) throw new Error('an alert that was acknowledged is gone');
    const sent = notifications.ofAlert(request.params.id);
    return alertItem(kept.alert, sent, { silences: alerts.silences(now_ms), now_ms });
  });
}
