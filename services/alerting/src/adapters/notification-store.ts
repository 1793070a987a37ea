import type { DatabaseSync } from 'node:sqlite';
import type { Message } from '../domain/alert/message.ts';
import type { Cause } from './alert-store.ts';

/** One message for one channel, on its way. */
export interface Notification {
  notification_id: string;
  alert_id: string;
  /** Which of the alert's messages it is, from 1; a channel gets each once. */
  round: number;
  channel: string;
  channel_type: string;
  message: Message;
  /** The alert event that it tells. */
  cause: Cause;
  /** Tries so far. */
  attempt: number;
}

export type NotificationStatus = 'queued' | 'sending' | 'delivered' | 'unknown' | 'failed';

/** What is shown of a notification: not its text. */
export interface NotificationView {
  notification_id: string;
  channel: string;
  channel_type: string;
  kind: string;
  status: NotificationStatus;
  attempt: number;
  settled_at_ms: number | null;
  reason: string | null;
}

/** The outbox of messages: what a restart neither doubles nor forgets. Synchronous: callers open the transaction. */
export interface NotificationStore {
  /** Due at once. What the channel has been given of this round is left as it is: false. */
  add(notification: Omit<Notification, 'attempt'>, now_ms: number): boolean;
  /** The one that has waited longest of a channel's due ones. */
  next(channel: string, now_ms: number): Notification | null;
  /** Those of a channel that are due, oldest first, also behind an earlier one of their alert. */
  due(channel: string, now_ms: number): Notification[];
  /** When the messages of a channel since then went out, oldest first. */
  sentSince(channel: string, since_ms: number): number[];
  /** From now on `riders` share what becomes of the first, which carries the message of all. */
  merge(leader: Notification, riders: readonly Notification[], message: Message): void;
  /** Those that went with it, itself first. */
  carriedBy(notification: Notification): Notification[];
  /** When the next one of a channel is due; null: nothing waits. */
  nextAt(channel: string): number | null;
  /** Before the first byte leaves: after a crash it is known that it may have arrived. */
  begin(notification_id: string): void;
  retryAt(notification_id: string, at_ms: number, reason: string): void;
  settle(notification_id: string, status: 'delivered' | 'unknown' | 'failed', told: Settled): void;
  /** Those that were being sent when the process died. */
  interrupted(): Notification[];
  ofAlert(alert_id: string): NotificationView[];
  /** Not settled yet. */
  waiting(): number;
}

export interface Settled {
  at_ms: number;
  reason: string | null;
}

function notificationOf(row: Record<string, unknown>): Notification {
  return {
    ...(row as unknown as Notification),
    message: JSON.parse(String(row['message'])),
    cause: JSON.parse(String(row['cause'])),
  };
}

const COLUMNS = 'notification_id, alert_id, round, channel, channel_type, message, cause, attempt';
// What is told about one alert is told in order, also while an earlier message is being retried.
const FIRST_OF_ITS_ALERT = `NOT EXISTS (SELECT 1 FROM notifications AS earlier WHERE earlier.alert_id = notifications.alert_id
  AND earlier.channel = notifications.channel AND earlier.round < notifications.round AND earlier.status = 'queued')
  AND sent_as IS NULL`;
const AND_ITS_RIDERS = '(notification_id = ?1 OR sent_as = ?1)';
const statementsOf = (db: DatabaseSync) => ({
  add: db.prepare(
    `INSERT OR IGNORE INTO notifications (notification_id, alert_id, round, channel, channel_type, status, next_at_ms,
       message, cause) VALUES (?, ?, ?, ?, ?, 'queued', ?, ?, ?)`,
  ),
  next: db.prepare(
    `SELECT ${COLUMNS} FROM notifications WHERE channel = ? AND status = 'queued' AND next_at_ms <= ?
     AND ${FIRST_OF_ITS_ALERT} ORDER BY notification_id LIMIT 1`,
  ),
  nextAt: db.prepare(
    `SELECT min(next_at_ms) AS at FROM notifications WHERE channel = ? AND status = 'queued' AND ${FIRST_OF_ITS_ALERT}`,
  ),
  due: db.prepare(
    `SELECT ${COLUMNS} FROM notifications WHERE channel = ? AND status = 'queued' AND next_at_ms <= ?
     AND sent_as IS NULL ORDER BY notification_id LIMIT 1000`,
  ),
  sentSince: db.prepare(
    `SELECT settled_at_ms AS at FROM notifications WHERE channel = ? AND settled_at_ms > ? AND sent_as IS NULL
     AND status IN ('delivered', 'unknown') ORDER BY settled_at_ms`,
  ),
  ride: db.prepare('UPDATE notifications SET sent_as = ?1 WHERE notification_id = ?2 OR sent_as = ?2'),
  carry: db.prepare('UPDATE notifications SET message = ? WHERE notification_id = ?'),
  carried: db.prepare(`SELECT ${COLUMNS} FROM notifications WHERE sent_as = ? ORDER BY notification_id`),
  begin: db.prepare(
    `UPDATE notifications SET status = 'sending', attempt = attempt + 1 WHERE ${AND_ITS_RIDERS}`,
  ),
  retry: db.prepare(
    `UPDATE notifications SET status = 'queued', next_at_ms = ?2, reason = ?3 WHERE ${AND_ITS_RIDERS}`,
  ),
  settle: db.prepare(
    `UPDATE notifications SET status = ?2, settled_at_ms = ?3, reason = ?4 WHERE ${AND_ITS_RIDERS}`,
  ),
  interrupted: db.prepare(
    `SELECT ${COLUMNS} FROM notifications WHERE status = 'sending' AND sent_as IS NULL`,
  ),
  ofAlert: db.prepare(
    `SELECT notification_id, channel, channel_type, message ->> '$.kind' AS kind, status, attempt, settled_at_ms, reason
     FROM notifications WHERE alert_id = ? ORDER BY notification_id`,
  ),
  waiting: db.prepare(`SELECT count(*) AS n FROM notifications WHERE status IN ('queued', 'sending')`),
});

/** The store over alerting's database. */
export function createNotificationStore(db: DatabaseSync): NotificationStore {
  const sql = statementsOf(db);
  return {
    add: ({ notification_id, alert_id, round, channel, channel_type, message, cause }, now_ms) => {
      const place = [notification_id, alert_id, round, channel, channel_type, now_ms];
      return sql.add.run(...place, JSON.stringify(message), JSON.stringify(cause)).changes === 1;
    },
    next: (channel, now_ms) => {
      const row = sql.next.get(channel, now_ms);
      return row === undefined ? null : notificationOf(row);
    },
    due: (channel, now_ms) => sql.due.all(channel, now_ms).map(notificationOf),
    sentSince: (channel, since_ms) => sql.sentSince.all(channel, since_ms).map((row) => Number(row['at'])),
    merge: (leader, riders, message) => {
      for (const { notification_id } of riders) sql.ride.run(leader.notification_id, notification_id);
      sql.carry.run(JSON.stringify(message), leader.notification_id);
    },
    carriedBy: (notification) => [
      notification,
      ...sql.carried.all(notification.notification_id).map(notificationOf),
    ],
    nextAt: (channel) => (sql.nextAt.get(channel) as { at: number | null }).at,
    begin: (notification_id) => void sql.begin.run(notification_id),
    retryAt: (notification_id, at_ms, reason) => void sql.retry.run(notification_id, at_ms, reason),
    settle: (notification_id, status, { at_ms, reason }) =>
      void sql.settle.run(notification_id, status, at_ms, reason),
    interrupted: () => sql.interrupted.all().map(notificationOf),
    ofAlert: (alert_id) => sql.ofAlert.all(alert_id) as unknown as NotificationView[],
    waiting: () => (sql.waiting.get() as { n: number }).n,
  };
}
