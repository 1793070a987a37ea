import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { HoldfastEvent } from '@holdfast/contracts/catalog';
import { isOpen, type LossCase } from '../domain/loss-case/state.ts';
import type { RecoveryRecord } from '../domain/loss-case/view.ts';

/** A case with the event that opened it; null where a person asked. */
export interface StoredCase {
  readonly state: LossCase;
  readonly cause: HoldfastEvent | null;
  readonly opened_at_ms: number;
  /** Of its recovery. */
  readonly correlationid: string;
  readonly actor: string;
}

/** A batch that is opened. */
export interface NewRecovery {
  readonly recovery_id: string;
  readonly correlationid: string;
  /** Who asked; `holdfast` where a loss did. */
  readonly actor: string;
  readonly started_at_ms: number;
  /** When its first loss was detected. */
  readonly lost_at_ms: number;
  readonly cases: readonly Pick<StoredCase, 'state' | 'cause'>[];
}

export interface StoredRecovery extends RecoveryRecord {
  readonly actor: string;
}

/** Cases and recoveries. Changes are made inside the caller's transaction. */
export interface CaseStore {
  add(recovery: NewRecovery): void;
  /** Keeps a case that was changed; a recovery whose last case has ended is finished. */
  update(state: LossCase, now_ms: number): void;
  openCases(): StoredCase[];
  openCount(): number;
  /** Open cases of one recovery. */
  openIn(recovery_id: string): number;
  /** When the first loss of an incident was detected. */
  incidentStart(correlationid: string): number | null;
  case(case_id: string): StoredCase | undefined;
  /** Newest first. */
  casesOf(path: string): StoredCase[];
  /** Contents of a path that were found to be corrupt. */
  badChecksums(path: string): Set<string>;
  recovery(recovery_id: string): { record: StoredRecovery; cases: LossCase[] } | undefined;
}

interface CaseRow {
  state: string;
  cause: string | null;
  opened_at_ms: number;
  correlationid: string;
  actor: string;
}

const CASES = 'SELECT cases.*, correlationid, actor FROM cases JOIN recoveries USING (recovery_id)';
const statementsOf = (db: DatabaseSync) => ({
  add: db.prepare(`INSERT INTO recoveries
    (recovery_id, correlationid, actor, started_at_ms, lost_at_ms, finished_at_ms, files_open)
    VALUES (?, ?, ?, ?, ?, ?, ?)`),
  incident: db.prepare('SELECT min(lost_at_ms) AS start FROM recoveries WHERE correlationid = ?'),
  addCase:
    db.prepare(`INSERT INTO cases (case_id, recovery_id, path, is_open, bad_checksum, opened_at_ms, state, cause)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)`),
  update: db.prepare('UPDATE cases SET state = ?, is_open = ? WHERE case_id = ? AND is_open = 1'),
  ended: db.prepare(`UPDATE recoveries SET files_open = files_open - 1,
    finished_at_ms = CASE WHEN files_open = 1 THEN ? END WHERE recovery_id = ?`),
  open: db.prepare(`${CASES} WHERE is_open = 1 ORDER BY opened_at_ms, case_id`),
  count: db.prepare('SELECT count(*) AS open FROM cases WHERE is_open = 1'),
  openIn: db.prepare('SELECT files_open AS open FROM recoveries WHERE recovery_id = ?'),
  one: db.prepare(`${CASES} WHERE case_id = ?`),
  ofPath: db.prepare(`${CASES} WHERE path = ? ORDER BY opened_at_ms DESC, case_id DESC LIMIT 1000`),
  bad: db.prepare('SELECT DISTINCT bad_checksum FROM cases WHERE path = ? AND bad_checksum IS NOT NULL'),
  recovery: db.prepare('SELECT * FROM recoveries WHERE recovery_id = ?'),
  ofRecovery: db.prepare(`${CASES} WHERE cases.recovery_id = ? ORDER BY path`),
});

/** The cases in a database of `openRecoveryDatabase`. */
export function createCaseStore(db: DatabaseSync): CaseStore {
  const sql = statementsOf(db);
  return {
    add(recovery) {
      const { recovery_id, correlationid, actor, started_at_ms, lost_at_ms, cases } = recovery;
      const open = cases.filter(({ state }) => isOpen(state)).length;
      const finished = open === 0 ? started_at_ms : null;
      sql.add.run(recovery_id, correlationid, actor, started_at_ms, lost_at_ms, finished, open);
      for (const each of cases) addCase(sql.addCase, each, started_at_ms);
    },
    update(state, now_ms) {
      const open = isOpen(state);
      const { changes } = sql.update.run(JSON.stringify(state), Number(open), state.case_id);
      if (changes === 1 && !open) sql.ended.run(now_ms, state.recovery_id);
    },
    openCases: () => rowsOf(sql.open.all()).map(toCase),
    openCount: () => (sql.count.get() as { open: number }).open,
    openIn: (recovery_id) => (sql.openIn.get(recovery_id) as { open: number } | undefined)?.open ?? 0,
    incidentStart: (correlationid) => (sql.incident.get(correlationid) as { start: number | null }).start,
    case: (case_id) => rowsOf([sql.one.get(case_id)]).map(toCase)[0],
    casesOf: (path) => rowsOf(sql.ofPath.all(path)).map(toCase),
    badChecksums: (path) =>
      new Set((sql.bad.all(path) as { bad_checksum: string }[]).map((row) => row.bad_checksum)),
    recovery(recovery_id) {
      const record = sql.recovery.get(recovery_id) as StoredRecovery | undefined;
      if (record === undefined) return undefined;
      return { record, cases: rowsOf(sql.ofRecovery.all(recovery_id)).map((row) => toCase(row).state) };
    },
  };
}

function addCase(
  insert: StatementSync,
  { state, cause }: Pick<StoredCase, 'state' | 'cause'>,
  now_ms: number,
) {
  const { case_id, recovery_id, path, bad_checksum } = state;
  const open = Number(isOpen(state));
  const texts = [JSON.stringify(state), cause && JSON.stringify(cause)] as const;
  insert.run(case_id, recovery_id, path, open, bad_checksum, now_ms, ...texts);
}

const rowsOf = (rows: unknown[]) => rows.filter((row) => row !== undefined) as CaseRow[];

function toCase(row: CaseRow): StoredCase {
  const cause = row.cause === null ? null : (JSON.parse(row.cause) as HoldfastEvent);
  const { opened_at_ms, correlationid, actor } = row;
  return { state: JSON.parse(row.state) as LossCase, cause, opened_at_ms, correlationid, actor };
}
