import { type Dirent, lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { systemCode } from '@holdfast/contracts/errors';
import { sameStat } from '../domain/file-inventory/decide.ts';
import type { FileRow } from '../domain/file-inventory/state.ts';
import { toFileStat } from './file-stat.ts';
import { toFileRow } from './registry-rows.ts';
import type { Territory } from './territory.ts';

export interface WalkOrder {
  /** The registry's database: read only. */
  readonly database: string;
  /** Folders to walk; none lies below another. */
  readonly folders: readonly string[];
  /** `names` finds what appeared and what is missing; `stat` also what changed. */
  readonly depth: 'names' | 'stat';
}

/** Paths where disk and registry differ: each has to be looked at. */
export type Differences = string[];

export interface WalkSummary {
  readonly files: number;
  readonly folders: number;
  readonly differences: number;
  /** Folders that could not be read: nothing is concluded about what they hold. */
  readonly unreadable: readonly { path: string; code: string }[];
}

const PART = 500;

/**
 * Walks disk and registry side by side, both in the order of paths, and gives the differences in parts. What it says is
 * a hint: it may be out of date when it is looked at. Holds one folder's names at a time. Blocks between the parts.
 */
export async function walk(
  order: WalkOrder,
  territory: Territory,
  give: (part: Differences) => Promise<void>,
): Promise<WalkSummary> {
  using database = new DatabaseSync(order.database, { readOnly: true });
  const summary = {
    files: 0,
    folders: 0,
    differences: 0,
    unreadable: [] as { path: string; code: string }[],
  };
  let part: string[] = [];
  for (const folder of order.folders) {
    for (const path of differencesBelow({ database, folder, territory, depth: order.depth, summary })) {
      summary.differences += 1;
      part.push(path);
      if (part.length < PART) continue;
      await give(part);
      part = [];
    }
  }
  if (part.length > 0) await give(part);
  return summary;
}

interface Tour {
  database: DatabaseSync;
  folder: string;
  territory: Territory;
  depth: WalkOrder['depth'];
  summary: { files: number; folders: number; unreadable: { path: string; code: string }[] };
}

function* differencesBelow(tour: Tour): Generator<string> {
  const known = new KnownRows(tour.database, tour.folder);
  for (const found of filesBelow(tour, tour.folder)) {
    // All rows before the file on disk are of files that are not there.
    yield* known.missingBefore(found.path);
    if (found.skips) {
      known.skipBelow(found.path);
      continue;
    }
    tour.summary.files += 1;
    if (differs(known.take(found.path), found.path, tour.depth)) yield found.path;
  }
  yield* known.missingBefore(undefined);
}

/** The rows below a folder, read along with the disk. */
class KnownRows {
  readonly #rows: Generator<FileRow>;
  #next: FileRow | undefined;

  constructor(database: DatabaseSync, folder: string) {
    this.#rows = rowsBelow(database, folder);
    this.#advance();
  }

  #advance() {
    const { done, value } = this.#rows.next();
    this.#next = done ? undefined : value;
  }

  /** Passes over the rows before a path (all that are left, without one); gives those that should stand. */
  *missingBefore(path: string | undefined): Generator<string> {
    while (this.#next !== undefined && (path === undefined || comparePaths(this.#next.path, path) < 0)) {
      if (stands(this.#next)) yield this.#next.path;
      this.#advance();
    }
  }

  skipBelow(folder: string) {
    while (this.#next?.path.startsWith(folder)) this.#advance();
  }

  /** The row of exactly this path, if it is the next one. */
  take(path: string): FileRow | undefined {
    const row = this.#next?.path === path ? this.#next : undefined;
    if (row !== undefined) this.#advance();
    return row;
  }
}

function* rowsBelow(database: DatabaseSync, folder: string): Generator<FileRow> {
  const bare = folder === '/' ? '' : folder;
  const select = database.prepare('SELECT * FROM files WHERE path > ? AND path < ? ORDER BY path');
  for (const columns of select.iterate(`${bare}/`, `${bare}0`)) yield toFileRow(columns);
}

interface Found {
  readonly path: string;
  /** A folder that cannot be read, with a slash at its end: what is known below it is passed over. */
  readonly skips: boolean;
}

function* filesBelow(tour: Tour, folder: string): Generator<Found> {
  const entries = readFolder(tour, folder);
  if (entries === undefined) {
    yield { path: `${folder}/`, skips: true };
    return;
  }
  tour.summary.folders += 1;
  for (const { entry } of entries) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      if (tour.territory.enters(path, 'directory')) yield* filesBelow(tour, path);
    } else if (entry.isFile() && tour.territory.sourceOf(path) !== undefined) yield { path, skips: false };
  }
}

// In the order that full paths have: a folder sorts as if its name ended in a slash.
function readFolder(tour: Tour, folder: string): { entry: Dirent; key: string }[] | undefined {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .map((entry) => ({ entry, key: entry.isDirectory() ? `${entry.name}/` : entry.name }))
      .sort((one, other) => comparePaths(one.key, other.key));
  } catch (error) {
    const code = systemCode(error) ?? String(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    tour.summary.unreadable.push({ path: folder, code });
    return undefined;
  }
}

/** The order of SQLite, by UTF-8 bytes; that of JavaScript differs where surrogates meet the characters above them. */
function comparePaths(one: string, other: string): number {
  const shorter = Math.min(one.length, other.length);
  for (let index = 0; index < shorter; index += 1) {
    const difference = rank(one.charCodeAt(index)) - rank(other.charCodeAt(index));
    if (difference !== 0) return difference;
  }
  return one.length - other.length;
}

function rank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}

function stands(row: FileRow): boolean {
  return row.state === 'present' || row.state === 'suspect';
}

function differs(row: FileRow | undefined, path: string, depth: WalkOrder['depth']): boolean {
  if (row === undefined || row.state === 'retired' || row.state === 'missing') return true;
  if (depth === 'names') return false;
  try {
    const stat = toFileStat(lstatSync(path, { bigint: true }));
    return !sameStat(row.state === 'corrupted' ? row.actual : row.facts, stat);
  } catch {
    // It went away, or cannot be asked now: whoever looks at it will know.
    return true;
  }
}
