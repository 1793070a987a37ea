import type { DatabaseSync } from 'node:sqlite';
import { INBOX_SCHEMA } from '@holdfast/event-store/dedup';
import { OUTBOX_SCHEMA } from '@holdfast/event-store/outbox';
import { openDatabase } from '@holdfast/runtime/sqlite';
import { OWED_HOOKS_SCHEMA } from './hooks/owed-hooks-table.ts';
import { FROZEN_SCHEMA } from './moments/frozen-table.ts';
import { QUARANTINE_SCHEMA } from './retention/quarantine-table.ts';

const SCHEMA = `
  CREATE TABLE runs (
    backup_id TEXT PRIMARY KEY,
    source TEXT NOT NULL,
    is_over INTEGER NOT NULL,
    body TEXT NOT NULL
  ) WITHOUT ROWID;
  CREATE INDEX runs_open ON runs (source) WHERE is_over = 0;

  CREATE TABLE walks (source TEXT PRIMARY KEY, walked_ms INTEGER NOT NULL) WITHOUT ROWID;

  CREATE TABLE changes (
    source TEXT NOT NULL,
    path TEXT NOT NULL,
    gone INTEGER NOT NULL,
    number INTEGER NOT NULL,
    since_ms INTEGER NOT NULL,
    correlationid TEXT NOT NULL,
    traceparent TEXT,
    PRIMARY KEY (source, path)
  ) WITHOUT ROWID;
  CREATE INDEX changes_age ON changes (source, since_ms);

  CREATE TABLE cases (
    event_id TEXT PRIMARY KEY,
    path TEXT NOT NULL,
    source TEXT NOT NULL,
    kind TEXT NOT NULL,
    wanted TEXT NOT NULL,
    bad TEXT,
    opened_ms INTEGER NOT NULL,
    closed_ms INTEGER,
    pin_snapshot_id TEXT,
    pin_exact INTEGER
  ) WITHOUT ROWID;
  CREATE INDEX cases_open ON cases (path) WHERE closed_ms IS NULL;

  CREATE TABLE backups (
    backup_id TEXT PRIMARY KEY,
    snapshot_id TEXT NOT NULL UNIQUE,
    source TEXT NOT NULL,
    backup_type TEXT NOT NULL,
    time_ms INTEGER NOT NULL,
    size INTEGER NOT NULL,
    deleted_ms INTEGER,
    manifest TEXT NOT NULL
  ) WITHOUT ROWID;
  CREATE INDEX backups_by_time ON backups (time_ms, backup_id) WHERE deleted_ms IS NULL;
  CREATE INDEX backups_by_size ON backups (size, backup_id) WHERE deleted_ms IS NULL;
  CREATE INDEX backups_of_source ON backups (source, time_ms) WHERE deleted_ms IS NULL;

  CREATE TABLE marks (name TEXT PRIMARY KEY) WITHOUT ROWID`;

/** What retention and the list look at, beside the manifest; each order of the list has its index. */
const RETENTION = `
  ALTER TABLE backups ADD COLUMN reason TEXT NOT NULL DEFAULT 'schedule';
  ALTER TABLE backups ADD COLUMN tier TEXT NOT NULL DEFAULT '';
  ALTER TABLE backups ADD COLUMN is_bad INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE backups ADD COLUMN expires_ms INTEGER;
  ALTER TABLE backups ADD COLUMN hold TEXT;
  ALTER TABLE backups ADD COLUMN going TEXT;
  UPDATE backups SET
    reason = manifest ->> '$.reason',
    tier = manifest ->> '$.retention.tier',
    is_bad = 'failed' IN (manifest ->> '$.validation.integrity_check', manifest ->> '$.validation.restore_test');

  DROP INDEX backups_by_time;
  DROP INDEX backups_by_size;
  DROP INDEX backups_of_source;
  CREATE INDEX backups_by_time ON backups (time_ms, backup_id, backup_type, tier)
    WHERE deleted_ms IS NULL AND going IS NULL;
  CREATE INDEX backups_by_size ON backups (size, backup_id, time_ms, backup_type, tier)
    WHERE deleted_ms IS NULL AND going IS NULL;
  CREATE INDEX backups_of_source_by_time ON backups (source, time_ms, backup_id, backup_type, tier)
    WHERE deleted_ms IS NULL AND going IS NULL;
  CREATE INDEX backups_of_source_by_size ON backups (source, size, backup_id, time_ms, backup_type, tier)
    WHERE deleted_ms IS NULL AND going IS NULL;
  CREATE INDEX backups_going ON backups (backup_id) WHERE going IS NOT NULL`;

const SCHEDULES = `
  CREATE TABLE identity (instance TEXT NOT NULL);
  INSERT INTO identity VALUES (lower(hex(randomblob(8))));

  CREATE TABLE schedules (
    name TEXT PRIMARY KEY,
    config TEXT NOT NULL,
    configured TEXT,
    origin TEXT NOT NULL,
    version INTEGER NOT NULL,
    modified_ms INTEGER NOT NULL,
    last_slot_ms INTEGER NOT NULL,
    is_removed INTEGER NOT NULL DEFAULT 0
  ) WITHOUT ROWID;

  CREATE TABLE obligations (
    schedule TEXT NOT NULL,
    source TEXT NOT NULL,
    done_ms INTEGER NOT NULL,
    overdue_ms INTEGER,
    PRIMARY KEY (schedule, source)
  ) WITHOUT ROWID`;

/** What verification looks at. What was read or restored before is taken from the manifests. */
const VERIFICATION = `
  ALTER TABLE backups ADD COLUMN read_ms INTEGER;
  ALTER TABLE backups ADD COLUMN restored_ms INTEGER;
  UPDATE backups SET
    read_ms = CASE WHEN manifest ->> '$.validation.integrity_check' <> 'pending' THEN time_ms END,
    restored_ms = CASE WHEN manifest ->> '$.validation.restore_test' <> 'pending' THEN time_ms END
  WHERE deleted_ms IS NULL AND manifest <> '';
  CREATE INDEX backups_unread ON backups (time_ms)
    WHERE read_ms IS NULL AND deleted_ms IS NULL AND going IS NULL;
  CREATE INDEX backups_bad ON backups (backup_id)
    WHERE is_bad = 1 AND deleted_ms IS NULL AND going IS NULL;
  CREATE INDEX backups_restored ON backups (source, restored_ms)
    WHERE deleted_ms IS NULL AND going IS NULL`;

/** Where copies of backups are; what was made before there were tiers lies in hot. */
const TIERS = `
  CREATE TABLE copies (
    backup_id TEXT NOT NULL,
    tier TEXT NOT NULL,
    snapshot_id TEXT NOT NULL,
    verified_ms INTEGER,
    is_bad INTEGER NOT NULL DEFAULT 0,
    going TEXT,
    PRIMARY KEY (backup_id, tier)
  ) WITHOUT ROWID;
  CREATE INDEX copies_of_tier ON copies (tier);
  UPDATE backups SET tier = 'hot' WHERE deleted_ms IS NULL;
  INSERT INTO copies (backup_id, tier, snapshot_id)
    SELECT backup_id, 'hot', snapshot_id FROM backups WHERE deleted_ms IS NULL;

  CREATE TABLE tiers (
    tier TEXT PRIMARY KEY,
    repository_id TEXT,
    trouble TEXT,
    level TEXT NOT NULL DEFAULT 'normal'
  ) WITHOUT ROWID`;

/** Backups that were made together, found without reading the manifests of all others. */
const GROUPS = `
  CREATE INDEX backups_of_group ON backups (manifest ->> '$.moment.group_id', source)
    WHERE backup_type = 'snapshot' AND manifest <> '' AND deleted_ms IS NULL AND going IS NULL`;

/** What backups took: it outlives them, so that rotation does not change the figures of a period. */
const FIGURES = `
  ALTER TABLE backups ADD COLUMN duration_ms INTEGER;
  ALTER TABLE backups ADD COLUMN bytes_read INTEGER;
  ALTER TABLE backups ADD COLUMN bytes_stored INTEGER;
  UPDATE backups SET
    duration_ms = CAST(1000 * (manifest ->> '$.metadata.backup_duration_seconds') AS INTEGER),
    bytes_read = manifest ->> '$.bytes_read',
    bytes_stored = manifest ->> '$.bytes_stored'
  WHERE deleted_ms IS NULL AND manifest <> '';
  CREATE INDEX backups_made ON backups (time_ms, source, backup_type, duration_ms, bytes_read, bytes_stored);
  CREATE INDEX backups_verified ON backups (read_ms, restored_ms) WHERE deleted_ms IS NULL AND going IS NULL`;

/** The state of the backup service: all but the outbox can be told again from the events and the repository. */
export function openBackupDatabase(file: string): DatabaseSync {
  return openDatabase(file, [
    `${SCHEMA}; ${OUTBOX_SCHEMA}; ${INBOX_SCHEMA}`,
    RETENTION,
    SCHEDULES,
    TIERS,
    VERIFICATION,
    FROZEN_SCHEMA,
    OWED_HOOKS_SCHEMA,
    GROUPS,
    QUARANTINE_SCHEMA,
    FIGURES,
  ]);
}
