/**
 * `events` is narrow, so that walking it is cheap; the bytes stand beside it. `idx` is the place in the log, from 0,
 * without holes. `time_spans` tells for each minute (level 0) and day (level 1) of event time the first and last place
 * in the log, because times are nearly, but not quite, in log order.
 */
const FIRST = `
CREATE TABLE events (
  idx INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  epoch INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  type TEXT NOT NULL,
  subject TEXT NOT NULL,
  source TEXT NOT NULL,
  host TEXT NOT NULL,
  protected_source TEXT,
  actor TEXT NOT NULL,
  correlationid TEXT NOT NULL,
  time_ms INTEGER NOT NULL,
  leaf BLOB NOT NULL
) STRICT;
CREATE INDEX events_type ON events (type);
CREATE INDEX events_subject ON events (subject);
CREATE INDEX events_source ON events (source);
CREATE INDEX events_host ON events (host);
CREATE INDEX events_protected_source ON events (protected_source) WHERE protected_source IS NOT NULL;
CREATE INDEX events_actor ON events (actor);
CREATE INDEX events_correlationid ON events (correlationid);
CREATE TABLE bodies (idx INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT;
CREATE TABLE time_spans (
  level INTEGER NOT NULL, start_ms INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
  PRIMARY KEY (level, start_ms)
) STRICT, WITHOUT ROWID;
CREATE VIRTUAL TABLE words USING fts5 (text, content = '', detail = none, columnsize = 0, tokenize = 'ascii');
CREATE TABLE vocabulary (word TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
CREATE TABLE position (one INTEGER PRIMARY KEY CHECK (one = 1), epoch INTEGER NOT NULL, seq INTEGER NOT NULL) STRICT;
INSERT INTO position VALUES (1, 1, 0)`;

export const LOG_MIGRATIONS: readonly string[] = [FIRST];
