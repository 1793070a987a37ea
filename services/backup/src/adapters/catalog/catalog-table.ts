import type { DatabaseSync } from 'node:sqlite';
import type { BackupManifest } from '@holdfast/contracts/backup-events';
import type { EventType, HoldfastEvent } from '@holdfast/contracts/catalog';
import { evolveValidation, hasFailed, type Verified } from '../../domain/manifest/validation.ts';
import type { Hold } from '../../domain/retention/state.ts';
import { createWalkTable } from '../changes/walk-table.ts';

/** The backups there are: folded from events, so that it can be dropped and replayed. Writers hold the transaction. */
export interface CatalogTable {
  /** Takes in an event of this host; the same one twice changes nothing. Other events are ignored. */
  apply(event: HoldfastEvent): void;
  /** A snapshot that nobody told of is not there any more. */
  markMissing(snapshot_id: string, now_ms: number): void;
  get(backup_id: string): BackupManifest | undefined;
  has(backup_id: string): boolean;
  hasSnapshot(snapshot_id: string): boolean;
  /** It was there, and was removed; not one that was only missed. */
  isRemoved(backup_id: string): boolean;
  /** It was there, nobody removed it here, and it was not in the repository any more. */
  isMissed(backup_id: string): boolean;
  /** One that was missed is there again: what is told of it counts as new. True where it was missed. */
  revive(backup_id: string): boolean;
  /** The newest of a source, of any type or one. */
  newest(source: string, type?: string): BackupManifest | undefined;
  /** The id of its snapshot, without reading its manifest; null where there is none. */
  newestSnapshot(source: string): string | null;
  /** The last that was put on it and not released; it may have ended by itself. */
  hold(backup_id: string): Hold | null;
  /** Grows whenever something is told that could let a backup stay which was to go: a hold, damage, a removal. */
  revision(): number;
  totals(): { backups: number; newest_ms: number | null };
}

interface Row {
  manifest: string;
}

const INSERT = `
  INSERT OR IGNORE INTO backups (backup_id, snapshot_id, source, backup_type, time_ms, size, manifest, reason, tier, is_bad, expires_ms, duration_ms, bytes_read, bytes_stored)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;
const VERIFIED = `
  UPDATE backups SET manifest = ?, is_bad = ?, read_ms = coalesce(?, read_ms), restored_ms = coalesce(?, restored_ms)
  WHERE backup_id = ?`;
const REMOVE = `
  UPDATE backups SET deleted_ms = ?, going = NULL, hold = NULL, manifest = ''
  WHERE snapshot_id = ? AND deleted_ms IS NULL`;
/** Why BackupDeleted is told of a backup that somebody removed beside this service: `repo forget`, `rm`. */
export const NOT_IN_REPOSITORY = 'not_in_repository';
/** Stands for the manifest of a backup that nobody removed and that is not there. */
const MISSED = 'missed';
/** Neither gone nor on its way out; spelled as in the indexes. */
export const THERE = 'deleted_ms IS NULL AND going IS NULL';

const LETS_STAY: ReadonlySet<EventType> = new Set([
  'BackupHeld',
  'BackupVerificationFailed',
  'BackupDeleted',
]);

/** The catalog in SQLite. */
export function createCatalogTable(db: DatabaseSync): CatalogTable {
  const insert = db.prepare(INSERT);
  // The row stays, so that neither its id nor its snapshot is taken for new.
  const remove = db.prepare(REMOVE);
  const setHold = db.prepare('UPDATE backups SET hold = ? WHERE backup_id = ? AND deleted_ms IS NULL');
  const holdOf = db.prepare(`SELECT hold FROM backups WHERE backup_id = ? AND ${THERE}`);
  const one = db.prepare(`SELECT manifest FROM backups WHERE backup_id = ? AND ${THERE}`);
  const any = db.prepare('SELECT 1 AS found FROM backups WHERE backup_id = ?');
  const snapshot = db.prepare('SELECT 1 AS found FROM backups WHERE snapshot_id = ?');
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
    const { source, time_ms, values } = rowOf(manifest);
    insert.run(...values);
    if (manifest.reason !== 'on_change') walks.mark(source, time_ms);
  };
  const verified = createVerified(db, get);
  const missed = missedIn(db);
  let revision = 0;
  return {
    revision: () => revision,
    ...missed,
    apply: (event) => {
      if (LETS_STAY.has(event.type)) revision += 1;
      if (event.type === 'BackupCreated') add(event.data.manifest);
      if (event.type === 'BackupVerified' || event.type === 'BackupVerificationFailed') {
        const { backup_id, level } = event.data;
        verified(backup_id, {
          level,
          passed: event.type === 'BackupVerified',
          at_ms: Date.parse(event.time),
        });
      }
      if (event.type === 'BackupDeleted') {
        const { snapshot_id, reason } = event.data;
        if (reason === NOT_IN_REPOSITORY) missed.markMissing(snapshot_id, Date.parse(event.time));
        else remove.run(Date.parse(event.time), snapshot_id);
      }
      if (event.type === 'BackupHeld') setHold.run(JSON.stringify(holdIn(event)), event.data.backup_id);
      if (event.type === 'BackupHoldReleased') setHold.run(null, event.data.backup_id);
    },
    get,
    has: (backup_id) => any.get(backup_id) !== undefined,
    hasSnapshot: (snapshot_id) => snapshot.get(snapshot_id) !== undefined,
    newest: (source, type) => read(newest.get(source, type ?? null, type ?? null)),
    newestSnapshot: (source) =>
      (newestSnapshot.get(source) as { snapshot_id: string } | undefined)?.snapshot_id ?? null,
    hold: (backup_id) => readHold((holdOf.get(backup_id) as { hold: string | null } | undefined)?.hold),
    totals: () => totals.get() as { backups: number; newest_ms: number | null },
  };
}

/** The values of INSERT, and two of them by name. */
function rowOf(manifest: BackupManifest) {
  const source = manifest.sources[0]?.source ?? '';
  const time_ms = Date.parse(manifest.timestamp);
  const size = manifest.sources.reduce((sum, part) => sum + part.total_size_bytes, 0);
  const { backup_id, snapshot_id, backup_type, bytes_read, bytes_stored } = manifest;
  const { tier, expires_at } = manifest.retention;
  const expires_ms = expires_at === null ? null : Date.parse(expires_at);
  const duration_ms = Math.round(1000 * manifest.metadata.backup_duration_seconds);
  const values = [
    ...[backup_id, snapshot_id, source, backup_type, time_ms, size, JSON.stringify(manifest)],
    ...[manifest.reason, tier, hasFailed(manifest.validation) ? 1 : 0, expires_ms],
    ...[duration_ms, bytes_read, bytes_stored],
  ];
  return { source, time_ms, values };
}

/** Folds what a verification showed into the manifest. */
function createVerified(db: DatabaseSync, get: CatalogTable['get']) {
  const update = db.prepare(VERIFIED);
  return (backup_id: string, shown: Verified): void => {
    const { level, passed, at_ms } = shown;
    const manifest = get(backup_id);
    if (manifest === undefined) return;
    const validation = evolveValidation(manifest.validation, shown);
    const read_ms = level === 'manifest' && passed ? null : at_ms;
    const restored_ms = level === 'restore' ? at_ms : null;
    const is_bad = hasFailed(validation) ? 1 : 0;
    update.run(JSON.stringify({ ...manifest, validation }), is_bad, read_ms, restored_ms, backup_id);
  };
}

function missedIn(db: DatabaseSync): Pick<CatalogTable, 'markMissing' | 'isRemoved' | 'isMissed' | 'revive'> {
  const removed = db.prepare(
    `SELECT 1 AS found FROM backups WHERE backup_id = ? AND deleted_ms IS NOT NULL AND manifest = ''`,
  );
  const miss = db.prepare(
    `UPDATE backups SET deleted_ms = ?, going = NULL, manifest = '${MISSED}' WHERE snapshot_id = ? AND deleted_ms IS NULL`,
  );
  const missed = db.prepare(`SELECT 1 AS found FROM backups WHERE backup_id = ? AND manifest = '${MISSED}'`);
  const revive = db.prepare(`DELETE FROM backups WHERE backup_id = ? AND manifest = '${MISSED}'`);
  return {
    markMissing: (snapshot_id, now_ms) => void miss.run(now_ms, snapshot_id),
    isRemoved: (backup_id) => removed.get(backup_id) !== undefined,
    isMissed: (backup_id) => missed.get(backup_id) !== undefined,
    revive: (backup_id) => revive.run(backup_id).changes > 0,
  };
}

function holdIn({ data, actor, time }: HoldfastEvent<'BackupHeld'>): Hold {
  const until_ms = data.until === null ? null : Date.parse(data.until);
  return { reason: data.reason, until_ms, held_ms: Date.parse(time), actor };
}

/** A hold as it is kept. */
export function readHold(hold: string | null | undefined): Hold | null {
  return hold === null || hold === undefined ? null : (JSON.parse(hold) as Hold);
}

function read(row: unknown): BackupManifest | undefined {
  return row === undefined ? undefined : (JSON.parse((row as Row).manifest) as BackupManifest);
}
