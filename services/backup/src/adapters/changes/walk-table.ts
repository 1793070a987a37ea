import type { DatabaseSync } from 'node:sqlite';

/** When everything in a source was last looked at. Writers hold the transaction. */
export interface WalkTable {
  /** Milliseconds since the epoch; null: never, or no backup is left that holds what was seen. */
  last(source: string): number | null;
  /** An earlier time than the one that is known changes nothing. */
  mark(source: string, at_ms: number): void;
}

/** Walks in SQLite. */
export function createWalkTable(db: DatabaseSync): WalkTable {
  const last = db.prepare(`
    SELECT walked_ms FROM walks WHERE source = ?
    AND EXISTS (
      SELECT 1 FROM backups WHERE backups.source = walks.source AND deleted_ms IS NULL AND going IS NULL
    )`);
  const mark = db.prepare(`
    INSERT INTO walks (source, walked_ms) VALUES (?, ?)
    ON CONFLICT DO UPDATE SET walked_ms = max(walked_ms, excluded.walked_ms)`);
  return {
    last: (source) => (last.get(source) as { walked_ms: number } | undefined)?.walked_ms ?? null,
    mark: (source, at_ms) => void mark.run(source, at_ms),
  };
}
