import type { DatabaseSync } from 'node:sqlite';
import type { Verifiable, VerifyPolicy } from '../../domain/verification/decide.ts';
import { THERE } from '../catalog/catalog-table.ts';

/** The catalog as verification sees it. */
export interface VerifyTable {
  /** All that could be next, and few of those that could not: enough for `nextVerification` to decide on. */
  candidates(policy: VerifyPolicy, now_ms: number): Verifiable[];
  /** The backup of the same source nearest to this one that lies in hot and whose bytes were read and found well; null: none. */
  nearestRead(backup_id: string): string | null;
}

interface Row extends Omit<Verifiable, 'is_bad'> {
  readonly is_bad: number;
}

const SAMPLES = 500;
const SELECT = `SELECT backup_id, source, time_ms, read_ms, restored_ms, is_bad FROM backups`;

/** Verification's view in SQLite; each statement reads along an index, whatever the number of backups. */
export function createVerifyTable(db: DatabaseSync): VerifyTable {
  const unread = db.prepare(`
    ${SELECT} INDEXED BY backups_unread
    WHERE read_ms IS NULL AND (time_ms <= ? OR time_ms > ?) AND ${THERE} ORDER BY time_ms DESC LIMIT 1`);
  const bad = db.prepare(`${SELECT} INDEXED BY backups_bad WHERE is_bad = 1 AND ${THERE} LIMIT 100`);
  const sources = db.prepare(`SELECT DISTINCT source FROM backups WHERE ${THERE}`);
  const samples = db.prepare(`
    ${SELECT} INDEXED BY backups_restored WHERE source = ? AND ${THERE} ORDER BY restored_ms LIMIT ${SAMPLES}`);
  const lastRestored = db.prepare(`
    ${SELECT} INDEXED BY backups_restored WHERE source = ? AND ${THERE} ORDER BY restored_ms DESC LIMIT 1`);
  const newest = db.prepare(`
    ${SELECT} INDEXED BY backups_of_source_by_time WHERE source = ? AND ${THERE} ORDER BY time_ms DESC LIMIT 1`);
  const near = (compare: '<' | '>', direction: 'DESC' | 'ASC') =>
    db.prepare(`
      SELECT other.backup_id FROM backups AS this JOIN backups AS other ON other.source = this.source
      WHERE this.backup_id = ? AND (other.time_ms, other.backup_id) ${compare} (this.time_ms, this.backup_id)
        AND other.read_ms IS NOT NULL AND other.is_bad = 0
        AND other.deleted_ms IS NULL AND other.going IS NULL
        AND EXISTS (SELECT 1 FROM copies WHERE copies.backup_id = other.backup_id AND tier = 'hot' AND going IS NULL)
      ORDER BY other.time_ms ${direction} LIMIT 1`);
  const [before, after] = [near('<', 'DESC'), near('>', 'ASC')];
  return {
    candidates: ({ after_ms }, now_ms) => {
      const rows = [...unread.all(now_ms - after_ms, now_ms), ...bad.all()];
      for (const { source } of sources.all() as unknown as { source: string }[]) {
        rows.push(...samples.all(source), ...lastRestored.all(source), ...newest.all(source));
      }
      const byId = new Map((rows as unknown as Row[]).map((row) => [row.backup_id, row]));
      return Array.from(byId.values(), (row) => ({ ...row, is_bad: row.is_bad === 1 }));
    },
    nearestRead: (backup_id) => {
      const found = before.get(backup_id) ?? after.get(backup_id);
      return (found as { backup_id: string } | undefined)?.backup_id ?? null;
    },
  };
}
