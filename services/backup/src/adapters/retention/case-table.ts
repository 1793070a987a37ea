import type { DatabaseSync } from 'node:sqlite';
import type { LossCase, Pin } from '../../domain/pins/state.ts';

/** A case and the version that it pins. */
export type PinnedCase = LossCase & { readonly pin: Pin | null };

/** Loss cases, each with its pin. Writers hold the transaction. */
export interface CaseTable {
  /** A path has one open case at most: a second loss of the same path keeps the version that is wanted. */
  open(lost: LossCase, pin_snapshot_id: string | null): void;
  /** True where a case was open. */
  close(path: string, now_ms: number): boolean;
  pin(event_id: string, pin: Pin): void;
  /** Paths under a case. */
  paths(): Set<string>;
  list(limit?: number): PinnedCase[];
  /** Snapshots that open cases pin, and sources where it is not looked up yet which one they want. */
  pins(): { snapshots: Set<string>; unresolved_sources: Set<string> };
  /** Open since before `opened_before_ms`, and not looked up yet. */
  unresolved(opened_before_ms: number): PinnedCase[];
}

interface Row {
  event_id: string;
  path: string;
  source: string;
  kind: LossCase['kind'];
  wanted: string;
  bad: string | null;
  opened_ms: number;
  pin_snapshot_id: string | null;
  pin_exact: number | null;
}

const OPEN = 'closed_ms IS NULL';
const SELECT = `SELECT * FROM cases WHERE ${OPEN}`;

/** Cases in SQLite. */
export function createCaseTable(db: DatabaseSync): CaseTable {
  const insert = db.prepare(`
    INSERT OR IGNORE INTO cases (event_id, path, source, kind, wanted, bad, opened_ms, pin_snapshot_id)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)`);
  const worsen = db.prepare(`UPDATE cases SET kind = ?, bad = ? WHERE path = ? AND ${OPEN}`);
  const close = db.prepare(`UPDATE cases SET closed_ms = ? WHERE path = ? AND ${OPEN}`);
  const pin = db.prepare('UPDATE cases SET pin_snapshot_id = ?, pin_exact = ? WHERE event_id = ?');
  const paths = db.prepare(`SELECT path FROM cases WHERE ${OPEN}`);
  const pins = db.prepare(
    `SELECT DISTINCT source, pin_snapshot_id, pin_exact IS NULL AS unresolved FROM cases
     WHERE ${OPEN} AND pin_snapshot_id IS NOT NULL`,
  );
  const list = db.prepare(`${SELECT} ORDER BY opened_ms LIMIT ?`);
  const unresolved = db.prepare(`${SELECT} AND pin_exact IS NULL AND opened_ms < ? LIMIT 100`);
  return {
    open: (lost, pin_snapshot_id) => {
      const { event_id, path, source, kind, wanted, bad, opened_ms } = lost;
      if (worsen.run(kind, bad, path).changes > 0) return;
      insert.run(event_id, path, source, kind, wanted, bad, opened_ms, pin_snapshot_id);
    },
    close: (path, now_ms) => close.run(now_ms, path).changes > 0,
    pin: (event_id, { snapshot_id, exact }) =>
      void pin.run(snapshot_id, exact === null ? null : Number(exact), event_id),
    paths: () => new Set((paths.all() as unknown as Row[]).map((row) => row.path)),
    list: (limit = 1000) => (list.all(limit) as unknown as Row[]).map(toCase),
    pins: () => {
      const found = pins.all() as unknown as {
        source: string;
        pin_snapshot_id: string;
        unresolved: number;
      }[];
      const open = found.filter(({ unresolved }) => unresolved === 1);
      return {
        snapshots: new Set(found.map(({ pin_snapshot_id }) => pin_snapshot_id)),
        unresolved_sources: new Set(open.map(({ source }) => source)),
      };
    },
    unresolved: (before_ms) => (unresolved.all(before_ms) as unknown as Row[]).map(toCase),
  };
}

function toCase({ pin_snapshot_id, pin_exact, ...row }: Row): PinnedCase {
  const { event_id, path, source, kind, wanted, bad, opened_ms } = row;
  const exact = pin_exact === null ? null : pin_exact === 1;
  const pin = pin_snapshot_id === null ? null : { snapshot_id: pin_snapshot_id, exact };
  return { event_id, path, source, kind, wanted, bad, opened_ms, pin };
}
