import { OUTBOX_SCHEMA } from '@holdfast/event-store/outbox';

/**
 * Tables of DIR/monitor/registry.sqlite. Numbers of 64 bits (nanoseconds, device, inode) are text; WITHOUT ROWID keeps
 * the rows in the order of their paths, so that a walk compares disk and registry in one pass.
 */
export const REGISTRY_MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE files (
    path TEXT PRIMARY KEY,
    source TEXT NOT NULL,
    state TEXT NOT NULL,
    version INTEGER NOT NULL,
    size INTEGER NOT NULL,
    mtime_ns TEXT NOT NULL,
    ctime_ns TEXT NOT NULL,
    inode TEXT NOT NULL,
    checksum TEXT NOT NULL,
    extra TEXT
  ) WITHOUT ROWID;
  CREATE INDEX files_inode ON files (inode);
  CREATE INDEX files_open ON files (state) WHERE state <> 'present';
  CREATE TABLE roots (folder TEXT PRIMARY KEY, device TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE registered_sources (source TEXT PRIMARY KEY) WITHOUT ROWID;
  CREATE TABLE allowances (path TEXT PRIMARY KEY, until_ms INTEGER NOT NULL) WITHOUT ROWID;
  ${OUTBOX_SCHEMA}`,
  `
  CREATE TABLE mass_signs (
    source TEXT NOT NULL,
    path TEXT NOT NULL,
    kind TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    entropy REAL
  );
  CREATE INDEX mass_signs_source ON mass_signs (source);
  CREATE TABLE mass_alarms (source TEXT PRIMARY KEY, last_sign_ms INTEGER NOT NULL) WITHOUT ROWID;`,
  // Conversations by the file that holds them: a session that stands in two files, or in none any more, is found.
  `
  CREATE TABLE sessions (path TEXT NOT NULL, session TEXT NOT NULL, PRIMARY KEY (path, session)) WITHOUT ROWID;
  CREATE INDEX sessions_session ON sessions (session);`,
  // How far the reading of everything has come.
  `
  CREATE TABLE scrub (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    started_ms INTEGER NOT NULL,
    completed_ms INTEGER,
    last_completed_ms INTEGER,
    cursor TEXT NOT NULL,
    files INTEGER NOT NULL,
    bytes INTEGER NOT NULL
  );`,
  // Expectations that people were told of, until they are mended.
  `
  CREATE TABLE expectations (
    source TEXT NOT NULL,
    pattern TEXT NOT NULL,
    correlationid TEXT NOT NULL,
    started_ms INTEGER NOT NULL,
    PRIMARY KEY (source, pattern)
  ) WITHOUT ROWID;`,
];
