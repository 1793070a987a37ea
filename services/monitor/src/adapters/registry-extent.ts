import { DatabaseSync } from 'node:sqlite';
import { whereOf } from './registry.ts';

export interface ExtentOrder {
  /** The registry's database: read only. */
  readonly database: string;
  /** This file, or what lies below this folder; all without it. */
  readonly prefix?: string | undefined;
}

export interface KnownOrder {
  readonly database: string;
  readonly folders: readonly string[];
}

export interface Extent {
  readonly files: number;
  readonly bytes: number;
}

/** Files that are known at and below each folder, lost ones too. Meant for a worker thread. */
export function countKnown({ database, folders }: KnownOrder): number[] {
  using db = new DatabaseSync(database, { readOnly: true });
  return folders.map((prefix) => {
    const { where, values } = whereOf({ prefix });
    const found = db
      .prepare(`SELECT count(*) AS files FROM files WHERE ${where} AND state <> 'retired'`)
      .get(...values);
    return Number(found?.['files']);
  });
}

/** The files that stand as far as the registry knows, and their bytes. Reads every row: meant for a worker thread. */
export function measureExtent({ database, prefix }: ExtentOrder): Extent {
  using db = new DatabaseSync(database, { readOnly: true });
  const { where, values } = whereOf({ prefix });
  const sum = 'SELECT count(*) AS files, coalesce(sum(size), 0) AS bytes FROM files';
  const found = db.prepare(`${sum} WHERE ${where} AND state IN ('present', 'suspect')`).get(...values);
  return { files: Number(found?.['files']), bytes: Number(found?.['bytes']) };
}
