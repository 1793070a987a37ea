import type { DatabaseSync } from 'node:sqlite';
import type { BackupManifest } from '@holdfast/contracts/backup-events';
import type { HoldfastEvent } from '@holdfast/contracts/catalog';
import type { BackupSort } from '@holdfast/contracts/http/backup';
import { orderOf } from '../domain/catalog/query.ts';
import { evolveValidation, type VerifyLevel } from '../domain/manifest/validation.ts';
import { createWalkTable } from './walk-table.ts';

/** Where a page of the list ended. */
export interface Place {
  readonly value: number;
  readonly backup_id: string;
}

/** What a list is narrowed by; all that is given must fit. */
export interface ListQuery {
  readonly source?: string | undefined;
  readonly type?: string | undefined;
  readonly since_ms?: number | undefined;
  readonly sort: BackupSort;
  readonly after?: Place | undefined;
}

export interface Listed {
  readonly manifest: BackupManifest;
  readonly place: Place;
}

/** The backups there are: folded from events, so that it can be dropped and replayed. Writers hold the transaction. */
export interface CatalogTable {
  /** Takes in an event of this host; the same one twice changes nothing. Other events are ignored. */
  apply(event: HoldfastEvent): void;
  /** A snapshot that somebody removed without an event. */
  markMissing(snapshot_id: string, now_ms: number): void;
  get(backup_id: string): BackupManifest | undefined;
  has(backup_id: string): boolean;
  hasSnapshot(snapshot_id: string): boolean;
  snapshotIds(): string[];
  /** The newest of a source, of any type or one. */
  newest(source: string, type?: string): BackupManifest | undefined;
  /** The id of its snapshot, without reading its manifest; null where there is none. */
  newestSnapshot(source: string): string | null;
  list(query: ListQuery, limit: number): Listed[];
  totals(): { backups: number; newest_ms: number | null };
}

interface Row {
  manifest: string;
}

const INSERT = `
  INSERT OR IGNORE INTO backups (backup_id, snapshot_id, source, backup_type, time_ms, size, manifest)
  VALUES (?, ?, ?, ?, ?, ?, ?)`;
const THERE = 'deleted_ms IS NULL';

/** The catalog in SQLite. */
export function createCatalogTable(db: DatabaseSync): CatalogTable {
  const insert = db.prepare(INSERT);
  const update = db.prepare('UPDATE backups SET manifest = ? WHERE backup_id = ?');
  const remove = db.prepare(`UPDATE backups SET deleted_ms = ? WHERE snapshot_id = ? AND ${THERE}`);
  const one = db.prepare(`SELECT manifest FROM backups WHERE backup_id = ? AND ${THERE}`);
  const any = db.prepare('SELECT 1 AS found FROM backups WHERE backup_id = ?');
  const snapshot = db.prepare('SELECT 1 AS found FROM backups WHERE snapshot_id = ?');
  const ids = db.prepare(`SELECT snapshot_id FROM backups WHERE ${THERE}`);
  const newest = db.prepare(`
    SELECT manifest FROM backups WHERE source = ? AND (? IS NULL OR backup_type = ?) AND ${THERE}
    ORDER BY time_ms DESC LIMIT 1`);
  const newestSnapshot = db.prepare(`
    SELECT snapshot_id FROM backups WHERE source = ? AND ${THERE} ORDER BY time_ms DESC LIMIT 1`);
  const totals = db.prepare(
    `SELECT count(*) AS backups, max(time_ms) AS newest_ms FROM backups WHERE ${THERE}`,
  );
  const walks = createWalkTable(db);
  const get = (backup_id: string) => read(one.get(backup_id));

  const add = (manifest: BackupManifest) => {
    const source = manifest.sources[0]?.source ?? '';
    const time_ms = Date.parse(manifest.timestamp);
    const size = manifest.sources.reduce((sum, part) => sum + part.total_size_bytes, 0);
    const { backup_id, snapshot_id, backup_type } = manifest;
    insert.run(backup_id, snapshot_id, source, backup_type, time_ms, size, JSON.stringify(manifest));
    if (manifest.reason !== 'on_change') walks.mark(source, time_ms);
  };
  const verified = (backup_id: string, level: VerifyLevel, passed: boolean, at_ms: number) => {
    const manifest = get(backup_id);
    if (manifest === undefined) return;
    const validation = evolveValidation(manifest.validation, { level, passed, at_ms });
    update.run(JSON.stringify({ ...manifest, validation }), backup_id);
  };
  return {
    apply: (event) => {
      if (event.type === 'BackupCreated') add(event.data.manifest);
      if (event.type === 'BackupVerified' || event.type === 'BackupVerificationFailed') {
        const { backup_id, level } = event.data;
        verified(backup_id, level, event.type === 'BackupVerified', Date.parse(event.time));
      }
      if (event.type === 'BackupDeleted') remove.run(Date.parse(event.time), event.data.snapshot_id);
    },
    markMissing: (snapshot_id, now_ms) => void remove.run(now_ms, snapshot_id),
    get,
    has: (backup_id) => any.get(backup_id) !== undefined,
    hasSnapshot: (snapshot_id) => snapshot.get(snapshot_id) !== undefined,
    snapshotIds: () => (ids.all() as unknown as { snapshot_id: string }[]).map((row) => row.snapshot_id),
    newest: (source, type) => read(newest.get(source, type ?? null, type ?? null)),
    newestSnapshot: (source) =>
      (newestSnapshot.get(source) as { snapshot_id: string } | undefined)?.snapshot_id ?? null,
    list: (query, limit) => listBackups(db, query, limit),
    totals: () => totals.get() as { backups: number; newest_ms: number | null },
  };
}

function read(row: unknown): BackupManifest | undefined {
  return row === undefined ? undefined : (JSON.parse((row as Row).manifest) as BackupManifest);
}

function listBackups(db: DatabaseSync, query: ListQuery, limit: number): Listed[] {
  const { by, descending } = orderOf(query.sort);
  const column = by === 'size' ? 'size' : 'time_ms';
  const [direction, compare] = descending ? ['DESC', '<'] : ['ASC', '>'];
  const conditions = [THERE];
  const values: (string | number)[] = [];
  const where = (condition: string, ...given: (string | number)[]) => {
    conditions.push(condition);
    values.push(...given);
  };
  if (query.source !== undefined) where('source = ?', query.source);
  if (query.type !== undefined) where('backup_type = ?', query.type);
  if (query.since_ms !== undefined) where('time_ms >= ?', query.since_ms);
  if (query.after !== undefined) {
    where(`(${column}, backup_id) ${compare} (?, ?)`, query.after.value, query.after.backup_id);
  }
  const rows = db
    .prepare(
      `SELECT backup_id, ${column} AS value, manifest FROM backups WHERE ${conditions.join(' AND ')}
       ORDER BY ${column} ${direction}, backup_id ${direction} LIMIT ?`,
    )
    .all(...values, limit) as unknown as (Place & Row)[];
  return rows.map(({ backup_id, value, manifest }) => ({
    manifest: JSON.parse(manifest) as BackupManifest,
    place: { value, backup_id },
  }));
}
