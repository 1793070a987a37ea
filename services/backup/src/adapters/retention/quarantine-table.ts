import type { DatabaseSync } from 'node:sqlite';
import type { EventData, HoldfastEvent } from '@holdfast/contracts/catalog';

/** A source that looks as if it were under attack, until somebody says that it is not, or is over. */
export interface Quarantine extends EventData<'MassChangeDetected'> {
  readonly detected_ms: number;
}

/** Sources in quarantine: nothing of them is cleaned up. Folded from events; writers hold the transaction. */
export interface QuarantineTable {
  /** Takes in an event. */
  apply(event: HoldfastEvent): void;
  list(): Quarantine[];
  has(source: string): boolean;
}

export const QUARANTINE_SCHEMA = `
  CREATE TABLE quarantines (
    source TEXT PRIMARY KEY,
    detected_ms INTEGER NOT NULL,
    alarm TEXT NOT NULL
  ) WITHOUT ROWID`;

/** The table over an open database with `QUARANTINE_SCHEMA`. */
export function createQuarantineTable(db: DatabaseSync): QuarantineTable {
  // The first alarm knows the time before which all was well.
  const put = db.prepare('INSERT OR IGNORE INTO quarantines VALUES (?, ?, ?)');
  const remove = db.prepare('DELETE FROM quarantines WHERE source = ?');
  const all = db.prepare('SELECT * FROM quarantines ORDER BY detected_ms');
  const one = db.prepare('SELECT 1 FROM quarantines WHERE source = ?');
  return {
    apply: (event) => {
      if (event.type === 'MassChangeDetected')
        put.run(event.data.source, Date.parse(event.time), JSON.stringify(event.data));
      if (event.type === 'MassChangeReleased') remove.run(event.data.source);
    },
    list: () =>
      all.all().map(({ alarm, detected_ms }) => ({
        ...(JSON.parse(String(alarm)) as EventData<'MassChangeDetected'>),
        detected_ms: Number(detected_ms),
      })),
    has: (source) => one.get(source) !== undefined,
  };
}
