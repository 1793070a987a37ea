import type { DatabaseSync } from 'node:sqlite';
import { type Decision, FILE_STATES, type FileRow, type FileState } from '../domain/file-inventory/state.ts';
import { toColumns, toFileRow } from './registry-rows.ts';

export interface FileFilter {
  source?: string | undefined;
  state?: FileState | undefined;
  /** Files below this folder, or this file. */
  prefix?: string | undefined;
}

/**
 * Every protected file that is known: the truth that the disk is compared with. Synchronous; the caller opens the
 * transaction, so that rows and their events are durable together.
 */
export interface FileRegistry {
  get(path: string): FileRow | undefined;
  /** Rows whose last known file had this identity (`Facts.inode`). */
  byInode(inode: string): FileRow[];
  /** Paths below a folder that are not retired, in order. */
  pathsUnder(folder: string): string[];
  hasUnder(folder: string): boolean;
  /** Rows in the order of their paths, after a path. */
  list(filter: FileFilter, after: string, limit: number): FileRow[];
  /** Open cases at a path or below it. */
  openCases(prefix: string): FileRow[];
  /** Rows by state. */
  counts(filter?: FileFilter): Record<FileState, number>;
  apply(decision: Omit<Decision, 'events'>): void;
  /** True once the first walk over a source has ended. */
  isRegistered(source: string): boolean;
  markRegistered(source: string): void;
  /** The device that a root was last seen on. */
  deviceOf(folder: string): string | undefined;
  setDevice(folder: string, device: string): void;
  /** Deleting this path, or what is below it, is no loss until then. */
  allow(path: string, until_ms: number): void;
  isAllowed(path: string, now_ms: number): boolean;
}

const statementsOf = (db: DatabaseSync) => ({
  get: db.prepare('SELECT * FROM files WHERE path = ?'),
  byInode: db.prepare('SELECT * FROM files WHERE inode = ?'),
  under: db.prepare(
    `SELECT path FROM files WHERE path > ? AND path < ? AND state <> 'retired' ORDER BY path`,
  ),
  anyUnder: db.prepare(`SELECT 1 FROM files WHERE path > ? AND path < ? AND state <> 'retired' LIMIT 1`),
  put: db.prepare('INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)'),
  remove: db.prepare('DELETE FROM files WHERE path = ?'),
  open: db.prepare(
    `SELECT * FROM files WHERE state IN ('missing', 'corrupted') AND (path = ? OR (path > ? AND path < ?))`,
  ),
  forgetSessions: db.prepare('DELETE FROM sessions WHERE path = ?'),
  moveSessions: db.prepare('UPDATE OR REPLACE sessions SET path = ? WHERE path = ?'),
  holdSession: db.prepare('INSERT OR IGNORE INTO sessions VALUES (?, ?)'),
  isRegistered: db.prepare('SELECT 1 FROM registered_sources WHERE source = ?'),
  markRegistered: db.prepare('INSERT OR IGNORE INTO registered_sources VALUES (?)'),
  device: db.prepare('SELECT device FROM roots WHERE folder = ?'),
  setDevice: db.prepare('INSERT OR REPLACE INTO roots VALUES (?, ?)'),
  allow: db.prepare('INSERT OR REPLACE INTO allowances VALUES (?, ?)'),
  allowances: db.prepare('SELECT path FROM allowances WHERE until_ms > ?'),
  forget: db.prepare('DELETE FROM allowances WHERE until_ms <= ?'),
});

/** The registry over an open database with `REGISTRY_MIGRATIONS`. */
export function createFileRegistry(db: DatabaseSync): FileRegistry {
  const sql = statementsOf(db);
  return {
    get: (path) => {
      const columns = sql.get.get(path);
      return columns === undefined ? undefined : toFileRow(columns);
    },
    byInode: (inode) => sql.byInode.all(inode).map(toFileRow),
    pathsUnder: (folder) => sql.under.all(...below(folder)).map(({ path }) => String(path)),
    hasUnder: (folder) => sql.anyUnder.get(...below(folder)) !== undefined,
    list: (filter, after, limit) => listFiles(db, filter, { after, limit }),
    openCases: (prefix) => sql.open.all(prefix, ...below(prefix)).map(toFileRow),
    counts: (filter = {}) => countFiles(db, filter),
    apply: ({ put, remove, sessions, moved }) => {
      if (moved !== undefined) {
        sql.forgetSessions.run(moved.to);
        sql.moveSessions.run(moved.to, moved.from);
      }
      for (const path of remove) sql.remove.run(path);
      for (const row of put) sql.put.run(...toColumns(row));
      if (sessions === undefined) return;
      sql.forgetSessions.run(sessions.path);
      for (const id of sessions.ids) sql.holdSession.run(sessions.path, id);
    },
    isRegistered: (source) => sql.isRegistered.get(source) !== undefined,
    markRegistered: (source) => void sql.markRegistered.run(source),
    deviceOf: (folder) => sql.device.get(folder)?.['device']?.toString(),
    setDevice: (folder, device) => void sql.setDevice.run(folder, device),
    allow: (path, until_ms) => void sql.allow.run(path, until_ms),
    isAllowed: (path, now_ms) => {
      const rows = sql.allowances.all(now_ms);
      if (rows.length === 0) return false;
      sql.forget.run(now_ms);
      return rows.some(({ path: allowed }) => path === allowed || path.startsWith(`${allowed}/`));
    },
  };
}

// Between `folder/` and `folder0`: `0` is the character after the slash.
function below(folder: string): [string, string] {
  const bare = folder.endsWith('/') ? folder.slice(0, -1) : folder;
  return [`${bare}/`, `${bare}0`];
}

/** The condition of a filter, with its values. */
export function whereOf(filter: FileFilter): { where: string; values: string[] } {
  const parts: [string, string[]][] = [];
  if (filter.source !== undefined) parts.push(['source = ?', [filter.source]]);
  if (filter.state !== undefined) parts.push(['state = ?', [filter.state]]);
  if (filter.prefix !== undefined)
    parts.push(['(path = ? OR (path > ? AND path < ?))', [filter.prefix, ...below(filter.prefix)]]);
  const where = ['1', ...parts.map(([text]) => text)].join(' AND ');
  return { where, values: parts.flatMap(([, values]) => values) };
}

function listFiles(db: DatabaseSync, filter: FileFilter, page: { after: string; limit: number }): FileRow[] {
  const { where, values } = whereOf(filter);
  const select = db.prepare(`SELECT * FROM files WHERE ${where} AND path > ? ORDER BY path LIMIT ?`);
  return select.all(...values, page.after, page.limit).map(toFileRow);
}

function countFiles(db: DatabaseSync, filter: FileFilter): Record<FileState, number> {
  const { where, values } = whereOf(filter);
  const rows = db
    .prepare(`SELECT state, count(*) AS files FROM files WHERE ${where} GROUP BY state`)
    .all(...values);
  const counts = Object.fromEntries(FILE_STATES.map((state) => [state, 0])) as Record<FileState, number>;
  for (const { state, files } of rows) counts[state as FileState] = Number(files);
  return counts;
}
