import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { INBOX_SCHEMA } from '@holdfast/event-store/dedup';
import { OUTBOX_SCHEMA } from '@holdfast/event-store/outbox';
import { openDatabase } from '@holdfast/runtime/sqlite';

const ALERTS = `
  CREATE TABLE alerts (
    alert_id TEXT PRIMARY KEY,
    fingerprint TEXT NOT NULL,
    correlation_id TEXT NOT NULL,
    rule TEXT NOT NULL,
    severity TEXT NOT NULL,
    status TEXT NOT NULL,
    started_at_ms INTEGER NOT NULL,
    due_at_ms INTEGER,
    state TEXT NOT NULL,
    cause TEXT NOT NULL
  );
  CREATE INDEX alerts_by_fingerprint ON alerts (fingerprint);
  CREATE INDEX alerts_by_start ON alerts (started_at_ms, alert_id);
  CREATE INDEX alerts_unresolved ON alerts (rule) WHERE status <> 'resolved';
  CREATE INDEX alerts_by_correlation ON alerts (correlation_id);
  CREATE INDEX alerts_due ON alerts (due_at_ms) WHERE due_at_ms IS NOT NULL;
  CREATE TABLE lost_files (
    host TEXT NOT NULL,
    path TEXT NOT NULL,
    alert_id TEXT NOT NULL,
    open INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    PRIMARY KEY (host, path, alert_id)
  ) WITHOUT ROWID;
  CREATE TABLE silences (
    silence_id TEXT PRIMARY KEY,
    until_ms INTEGER NOT NULL,
    silence TEXT NOT NULL
  )`;

const NOTIFICATIONS = `
  CREATE TABLE notifications (
    notification_id TEXT PRIMARY KEY,
    alert_id TEXT NOT NULL,
    round INTEGER NOT NULL,
    channel TEXT NOT NULL,
    channel_type TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('queued', 'sending', 'delivered', 'unknown', 'failed')),
    attempt INTEGER NOT NULL DEFAULT 0,
    next_at_ms INTEGER NOT NULL,
    settled_at_ms INTEGER,
    message TEXT NOT NULL,
    cause TEXT NOT NULL,
    reason TEXT,
    sent_as TEXT,
    UNIQUE (alert_id, round, channel)
  );
  CREATE INDEX notifications_waiting ON notifications (channel, next_at_ms) WHERE status = 'queued';
  CREATE INDEX notifications_settled ON notifications (channel, settled_at_ms) WHERE sent_as IS NULL;
  CREATE INDEX notifications_merged ON notifications (sent_as) WHERE sent_as IS NOT NULL`;

/** Opens the state of alerting below its folder (`:memory:` for tests). */
export function openAlertingDatabase(folder: string): DatabaseSync {
  const file = folder === ':memory:' ? folder : join(folder, 'alerting.sqlite');
  return openDatabase(file, [`${ALERTS}; ${NOTIFICATIONS}; ${OUTBOX_SCHEMA}; ${INBOX_SCHEMA}`]);
}
