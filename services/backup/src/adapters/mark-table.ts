import type { DatabaseSync } from 'node:sqlite';

/** What was done once and for all in this database. Writers hold the transaction. */
export interface MarkTable {
  has(name: string): boolean;
  set(name: string): void;
}

/** Marks in SQLite. */
export function createMarkTable(db: DatabaseSync): MarkTable {
  const has = db.prepare('SELECT 1 AS found FROM marks WHERE name = ?');
  const set = db.prepare('INSERT OR IGNORE INTO marks (name) VALUES (?)');
  return {
    has: (name) => has.get(name) !== undefined,
    set: (name) => void set.run(name),
  };
}
