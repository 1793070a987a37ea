import type { DatabaseSync } from 'node:sqlite';
import type { BackupManifest } from '@holdfast/contracts/backup-events';
import type { BackupSort } from '@holdfast/contracts/http/backup';
import { orderOf } from '../../domain/catalog/query.ts';
import type { Hold } from '../../domain/retention/state.ts';
import { readHold, THERE } from './catalog-table.ts';

/** Where a page of the list ended. */
export interface Place {
  readonly value: number;
  readonly backup_id: string;
}

/** What a list is narrowed by; all that is given must fit. */
export interface ListQuery {
  readonly source?: string | undefined;
  readonly type?: string | undefined;
  readonly tier?: string | undefined;
  readonly since_ms?: number | undefined;
  readonly before_ms?: number | undefined;
  readonly sort: BackupSort;
  readonly from?: Place | undefined;
}

export interface Listed {
  readonly manifest: BackupManifest;
  readonly hold: Hold | null;
  readonly place: Place;
}

/** The catalog as it is asked for. */
export interface CatalogList {
  page(query: ListQuery, limit: number): Listed[];
}

interface Row extends Place {
  readonly manifest: string;
  readonly hold: string | null;
}

/** Lists from SQLite. */
export function createCatalogList(db: DatabaseSync): CatalogList {
  return {
    page: (query, limit) => {
      const { sql, values } = listStatement(query);
      const rows = db.prepare(sql).all(...values, limit) as unknown as Row[];
      return rows.map(({ backup_id, value, manifest, hold }) => ({
        manifest: JSON.parse(manifest) as BackupManifest,
        hold: readHold(hold),
        place: { value, backup_id },
      }));
    },
  };
}

/**
 * The statement of a list, without the value of its LIMIT. It reads along the index of its order, so that a page is never
 * sorted and no row is read that is not in it; filters are compared in the index.
 */
export function listStatement(query: ListQuery): { sql: string; values: (string | number)[] } {
  const { by, descending } = orderOf(query.sort);
  const column = by === 'size' ? 'size' : 'time_ms';
  const index = `backups_${query.source === undefined ? 'by' : 'of_source_by'}_${by === 'size' ? 'size' : 'time'}`;
  const [direction, compare] = descending ? ['DESC', '<'] : ['ASC', '>'];
  const conditions = [THERE];
  const values: (string | number)[] = [];
  const where = (condition: string, ...given: (string | number | undefined)[]) => {
    if (given.includes(undefined)) return;
    conditions.push(condition);
    values.push(...(given as (string | number)[]));
  };
  where('source = ?', query.source);
  where('backup_type = ?', query.type);
  where(`instr(',' || tier || ',', ',' || ? || ',') > 0`, query.tier);
  where('time_ms >= ?', query.since_ms);
  where('time_ms < ?', query.before_ms);
  where(`(${column}, backup_id) ${compare} (?, ?)`, query.from?.value, query.from?.backup_id);
  const sql = `
    SELECT backup_id, ${column} AS value, manifest, hold FROM backups INDEXED BY ${index}
    WHERE ${conditions.join(' AND ')} ORDER BY ${column} ${direction}, backup_id ${direction} LIMIT ?`;
  return { sql, values };
}
