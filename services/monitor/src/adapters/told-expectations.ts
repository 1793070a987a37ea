import type { DatabaseSync } from 'node:sqlite';
import type { ToldExpectation } from '../domain/expectation/expectation.ts';

/** Expectations that people were told of and that are not mended yet: durable, so that a restart tells nothing twice. */
export interface ToldExpectations {
  all(): ToldExpectation[];
  /** In the caller's transaction. */
  add(told: ToldExpectation): void;
  remove(told: Pick<ToldExpectation, 'source' | 'pattern'>): void;
}

/** Over the registry's database. */
export function createToldExpectations(db: DatabaseSync): ToldExpectations {
  const all = db.prepare('SELECT * FROM expectations');
  const add = db.prepare('INSERT OR REPLACE INTO expectations VALUES (?, ?, ?, ?)');
  const remove = db.prepare('DELETE FROM expectations WHERE source = ? AND pattern = ?');
  return {
    all: () =>
      all.all().map(({ source, pattern, correlationid, started_ms }) => ({
        source: String(source),
        pattern: String(pattern),
        correlationid: String(correlationid),
        started_ms: Number(started_ms),
      })),
    add: ({ source, pattern, correlationid, started_ms }) =>
      void add.run(source, pattern, correlationid, started_ms),
    remove: ({ source, pattern }) => void remove.run(source, pattern),
  };
}
