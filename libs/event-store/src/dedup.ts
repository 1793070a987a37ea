import type { DatabaseSync, StatementSync } from 'node:sqlite';

/** For a migration: what each consumer has taken in. About 60 bytes an event; kept for good, so that a replay is harmless. */
export const INBOX_SCHEMA = `
  CREATE TABLE inbox (
    consumer TEXT NOT NULL,
    event_id TEXT NOT NULL,
    PRIMARY KEY (consumer, event_id)
  ) WITHOUT ROWID`;

const statements = new WeakMap<DatabaseSync, StatementSync>();

/**
 * True once for each event and consumer. Called inside the transaction that keeps the effect, so that both are durable or
 * neither: that makes at-least-once delivery an effect exactly once.
 */
export function firstTime(db: DatabaseSync, consumer: string, event_id: string): boolean {
  const insert =
    statements.get(db) ?? db.prepare('INSERT OR IGNORE INTO inbox (consumer, event_id) VALUES (?, ?)');
  statements.set(db, insert);
  return insert.run(consumer, event_id).changes === 1;
}

/** True where `firstTime` was called for it before, without calling it. */
export function isKnown(db: DatabaseSync, consumer: string, event_id: string): boolean {
  return (
    db.prepare('SELECT 1 FROM inbox WHERE consumer = ? AND event_id = ?').get(consumer, event_id) !==
    undefined
  );
}
