import type { DatabaseSync } from 'node:sqlite';
import type { Sign, SignKind } from '../domain/mass-change/sign.ts';

/** Signs of a source that are kept: more than any threshold asks for. */
const SIGNS_MAX = 200;

/** The signs of mass changes that count still, and the last alarm of each source. Writers hold the transaction. */
export interface SignTable {
  add(sign: Sign): void;
  /** The newest of one source, oldest first. */
  of(source: string): Sign[];
  clear(source: string): void;
  /** When a source last gave a sign after its alarm; null: there was none. */
  alarmedUntil(source: string): number | null;
  setAlarmed(source: string, last_sign_ms: number): void;
}

/** The table over an open database with `REGISTRY_MIGRATIONS`. */
export function createSignTable(db: DatabaseSync): SignTable {
  const add = db.prepare('INSERT INTO mass_signs VALUES (?, ?, ?, ?, ?, ?)');
  const trim = db.prepare(
    'DELETE FROM mass_signs WHERE source = ?1 AND rowid <= (SELECT rowid FROM mass_signs WHERE source = ?1 ORDER BY rowid DESC LIMIT 1 OFFSET ?2)',
  );
  const list = db.prepare('SELECT * FROM mass_signs WHERE source = ? ORDER BY rowid');
  const clear = db.prepare('DELETE FROM mass_signs WHERE source = ?');
  const alarm = db.prepare('SELECT last_sign_ms FROM mass_alarms WHERE source = ?');
  const setAlarm = db.prepare('INSERT OR REPLACE INTO mass_alarms VALUES (?, ?)');
  return {
    add: ({ source, path, kind, at_ms, bytes, entropy }) => {
      add.run(source, path, kind, at_ms, bytes, entropy);
      trim.run(source, SIGNS_MAX);
    },
    of: (source) =>
      list.all(source).map(({ path, kind, at_ms, bytes, entropy }) => ({
        source,
        path: String(path),
        kind: kind as SignKind,
        at_ms: Number(at_ms),
        bytes: Number(bytes),
        entropy: entropy === null ? null : Number(entropy),
      })),
    clear: (source) => void clear.run(source),
    alarmedUntil: (source) => {
      const row = alarm.get(source);
      return row === undefined ? null : Number(row['last_sign_ms']);
    },
    setAlarmed: (source, last_sign_ms) => void setAlarm.run(source, last_sign_ms),
  };
}
