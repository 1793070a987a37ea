import type { DatabaseSync } from 'node:sqlite';
import { INBOX_SCHEMA } from '@holdfast/event-store/dedup';
import { OUTBOX_SCHEMA } from '@holdfast/event-store/outbox';
import { openDatabase } from '@holdfast/runtime/sqlite';

const SCHEMA = `
  CREATE TABLE recoveries (
    recovery_id TEXT PRIMARY KEY,
    correlationid TEXT NOT NULL,
    actor TEXT NOT NULL,
    started_at_ms INTEGER NOT NULL,
    lost_at_ms INTEGER NOT NULL,
    finished_at_ms INTEGER,
    files_open INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE INDEX recoveries_incident ON recoveries (correlationid, lost_at_ms);

  CREATE TABLE cases (
    case_id TEXT PRIMARY KEY,
    recovery_id TEXT NOT NULL REFERENCES recoveries (recovery_id),
    path TEXT NOT NULL,
    is_open INTEGER NOT NULL,
    bad_checksum TEXT,
    opened_at_ms INTEGER NOT NULL,
    state TEXT NOT NULL,
    cause TEXT
  );
  CREATE INDEX cases_bad ON cases (path, bad_checksum) WHERE bad_checksum IS NOT NULL;
  CREATE INDEX cases_path ON cases (path, opened_at_ms);
  CREATE INDEX cases_recovery ON cases (recovery_id);
  CREATE INDEX cases_open ON cases (opened_at_ms) WHERE is_open = 1`;

/** Cases, recoveries, outbox and inbox of this service. */
export function openRecoveryDatabase(file: string): DatabaseSync {
  return openDatabase(file, [`${SCHEMA}; ${OUTBOX_SCHEMA}; ${INBOX_SCHEMA}`]);
}
