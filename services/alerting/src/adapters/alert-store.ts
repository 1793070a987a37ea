import type { DatabaseSync } from 'node:sqlite';
import type { Severity } from '@holdfast/contracts/alert-events';
import type { HoldfastEvent } from '@holdfast/contracts/catalog';
import type { Silence } from '../domain/alert/silence.ts';
import type { Alert, LostFile } from '../domain/alert/state.ts';
import type { RuleName } from '../domain/rule/observation.ts';

/** What an event of ours answers: enough to carry on its story and its trace. */
export type Cause = Pick<HoldfastEvent, 'id' | 'correlationid' | 'traceparent'>;

/** An alert as it is kept: with the event that last changed it. */
export interface KeptAlert {
  alert: Alert;
  cause: Cause;
}

/** What a list is narrowed by; `before` is the place where the page before ended. */
export interface AlertFilter {
  status?: 'firing' | 'resolved' | undefined;
  severity?: Severity | undefined;
  rule?: RuleName | undefined;
  correlation_id?: string | undefined;
  before?: { started_at_ms: number; alert_id: string } | undefined;
}

/** Alerts, the files that they still hold, and silences. Synchronous: callers open the transaction. */
export interface AlertStore {
  get(alert_id: string): KeptAlert | null;
  /** The newest alert of a fingerprint, in whatever state. */
  latest(fingerprint: string): KeptAlert | null;
  /** Alerts of a rule that are not resolved. */
  open(rule: RuleName): KeptAlert[];
  /** `due_at_ms`: when time has something to do with it; null: never. */
  save(kept: KeptAlert, due_at_ms: number | null): void;
  remove(alert_id: string): void;
  due(now_ms: number): KeptAlert[];
  /** The earliest time at which something is due; null: nothing is. */
  nextDue(): number | null;
  /** Newest first; never those below their threshold. */
  list(filter: AlertFilter, limit: number): Alert[];
  /** Those that fire. */
  firing(): number;
  lostFile(alert_id: string, host: string, path: string): LostFile | null;
  lostFiles(host: string, path: string): LostFile[];
  saveFile(file: LostFile): void;
  removeFile(file: LostFile): void;
  silences(now_ms: number): Silence[];
  saveSilence(silence: Silence): void;
  /** False where there is none. Alerts that it held become due at once. */
  removeSilence(silence_id: string, now_ms: number): boolean;
}

interface AlertRow {
  state: string;
  cause: string;
}

const keptOf = (row: unknown): KeptAlert | null => {
  if (row === undefined) return null;
  const { state, cause } = row as AlertRow;
  return { alert: JSON.parse(state), cause: JSON.parse(cause) };
};
const allKept = (rows: unknown[]) => rows.map(keptOf).filter((kept) => kept !== null);

const statementsOf = (db: DatabaseSync) => ({
  get: db.prepare('SELECT state, cause FROM alerts WHERE alert_id = ?'),
  latest: db.prepare('SELECT state, cause FROM alerts WHERE fingerprint = ? ORDER BY rowid DESC LIMIT 1'),
  open: db.prepare(`SELECT state, cause FROM alerts WHERE rule = ? AND status <> 'resolved'`),
  save: db.prepare(
    `INSERT INTO alerts (alert_id, fingerprint, correlation_id, rule, severity, status, started_at_ms, due_at_ms,
       state, cause) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (alert_id) DO UPDATE SET severity = excluded.severity, status = excluded.status,
       started_at_ms = excluded.started_at_ms, due_at_ms = excluded.due_at_ms, state = excluded.state,
       cause = excluded.cause`,
  ),
  remove: db.prepare('DELETE FROM alerts WHERE alert_id = ?'),
  due: db.prepare('SELECT state, cause FROM alerts WHERE due_at_ms <= ? ORDER BY due_at_ms LIMIT 500'),
  nextDue: db.prepare('SELECT min(due_at_ms) AS at FROM alerts WHERE due_at_ms IS NOT NULL'),
  firing: db.prepare(`SELECT count(*) AS n FROM alerts WHERE status = 'firing'`),
  lostFile: db.prepare('SELECT * FROM lost_files WHERE alert_id = ? AND host = ? AND path = ?'),
  lostFiles: db.prepare('SELECT * FROM lost_files WHERE host = ? AND path = ?'),
  saveFile: db.prepare(
    `INSERT INTO lost_files (host, path, alert_id, open, failed) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT (host, path, alert_id) DO UPDATE SET open = excluded.open, failed = excluded.failed`,
  ),
  removeFile: db.prepare('DELETE FROM lost_files WHERE host = ? AND path = ? AND alert_id = ?'),
  silences: db.prepare('SELECT silence FROM silences WHERE until_ms > ? ORDER BY silence_id'),
  saveSilence: db.prepare('INSERT INTO silences (silence_id, until_ms, silence) VALUES (?, ?, ?)'),
  removeSilence: db.prepare('DELETE FROM silences WHERE silence_id = ? AND until_ms > ?'),
  release: db.prepare(
    `UPDATE alerts SET due_at_ms = ?, state = json_set(state, '$.held_until_ms', 0)
     WHERE status = 'firing' AND json_extract(state, '$.held_until_ms') > ?`,
  ),
});

function lister(db: DatabaseSync): AlertStore['list'] {
  const query = db.prepare(
    `SELECT state FROM alerts WHERE status <> 'pending'
       AND (:status IS NULL OR status = :status) AND (:severity IS NULL OR severity = :severity)
       AND (:rule IS NULL OR rule = :rule) AND (:correlation IS NULL OR correlation_id = :correlation)
       AND (:at IS NULL OR (started_at_ms, alert_id) < (:at, :id))
     ORDER BY started_at_ms DESC, alert_id DESC LIMIT :limit`,
  );
  return ({ status, severity, rule, correlation_id, before }, limit) => {
    const rows = query.all({
      status: status ?? null,
      severity: severity ?? null,
      rule: rule ?? null,
      correlation: correlation_id ?? null,
      at: before?.started_at_ms ?? null,
      id: before?.alert_id ?? null,
      limit,
    });
    return rows.map((row) => JSON.parse(String(row['state'])) as Alert);
  };
}

/** The store over alerting's database. */
export function createAlertStore(db: DatabaseSync): AlertStore {
  const sql = statementsOf(db);
  return {
    get: (alert_id) => keptOf(sql.get.get(alert_id)),
    latest: (fingerprint) => keptOf(sql.latest.get(fingerprint)),
    open: (rule) => allKept(sql.open.all(rule)),
    save: ({ alert, cause }, due_at_ms) => {
      const { alert_id, fingerprint, correlation_id, rule, severity, status, started_at_ms } = alert;
      const columns = [
        alert_id,
        fingerprint,
        correlation_id,
        rule,
        severity,
        status,
        started_at_ms,
        due_at_ms,
      ];
      sql.save.run(...columns, JSON.stringify(alert), JSON.stringify(cause));
    },
    remove: (alert_id) => void sql.remove.run(alert_id),
    due: (now_ms) => allKept(sql.due.all(now_ms)),
    nextDue: () => (sql.nextDue.get() as { at: number | null }).at,
    list: lister(db),
    firing: () => (sql.firing.get() as { n: number }).n,
    lostFile: (alert_id, host, path) =>
      (sql.lostFile.get(alert_id, host, path) as LostFile | undefined) ?? null,
    lostFiles: (host, path) => sql.lostFiles.all(host, path) as unknown as LostFile[],
    saveFile: ({ host, path, alert_id, open, failed }) =>
      void sql.saveFile.run(host, path, alert_id, open, failed),
    removeFile: ({ host, path, alert_id }) => void sql.removeFile.run(host, path, alert_id),
    silences: (now_ms) =>
      sql.silences.all(now_ms).map((row) => JSON.parse(String(row['silence'])) as Silence),
    saveSilence: (silence) =>
      void sql.saveSilence.run(silence.silence_id, silence.until_ms, JSON.stringify(silence)),
    removeSilence: (silence_id, now_ms) => {
      const removed = sql.removeSilence.run(silence_id, now_ms).changes === 1;
      if (removed) sql.release.run(now_ms, now_ms);
      return removed;
    },
  };
}
