import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { FileStat } from './store-file.ts';

const PENDING_MAX = 400;
/** After so many questions it is a walk, in order of keys: answers are then fetched many at a time. */
const SINGLES_MAX = 8;
const WINDOW_ROWS = 1024;

/**
 * What only the local machine knows of files that were read: inode and change time. A stamp binds them to the content
 * that was read, so that a stamp that fits an entry of *any* snapshot proves that the file still holds that content.
 */
export class StatCache {
  readonly #db: DatabaseSync;
  readonly #source: string;
  readonly #get: StatementSync;
  readonly #get_window: StatementSync;
  #asked = 0;
  #window: { from: string; until: string; stamps: Map<string, number> } | undefined;
  #pending: { key: string; stamp: number }[] = [];

  constructor(db: DatabaseSync, owner: { host: string; source: string }) {
    this.#db = db;
    this.#source = `${owner.host}/${owner.source}`;
    this.#get = db.prepare('SELECT stamp FROM stat WHERE source = ? AND key = ?');
    this.#get_window = db.prepare(
      'SELECT key, stamp FROM stat WHERE source = ? AND key >= ? ORDER BY key LIMIT ?',
    );
  }

  /** True where the file is known to hold this content since it was read. */
  fits(key: string, stat: FileStat, digest: Buffer): boolean {
    const stamp = this.#stampFor(asText(key));
    return stamp !== undefined && stamp === stampOf(stat, digest);
  }

  /** Remembers that the file, as it stood, held this content. */
  remember(key: string, stat: FileStat, digest: Buffer): void {
    this.#pending.push({ key: asText(key), stamp: stampOf(stat, digest) });
    if (this.#pending.length >= PENDING_MAX) this.flush();
  }

  /** Writes what is pending: a short transaction. */
  flush(): void {
    if (this.#pending.length === 0) return;
    const put = this.#db.prepare('INSERT OR REPLACE INTO stat (source, key, stamp) VALUES (?, ?, ?)');
    this.#db.exec('BEGIN IMMEDIATE');
    try {
      for (const { key, stamp } of this.#pending) put.run(this.#source, key, stamp);
      this.#db.exec('COMMIT');
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
      throw error;
    }
    this.#pending = [];
  }

  #stampFor(key: string): number | undefined {
    this.#asked += 1;
    if (this.#asked <= SINGLES_MAX) return this.#get.get(this.#source, key)?.['stamp'] as number | undefined;
    if (this.#window === undefined || key < this.#window.from || key > this.#window.until) this.#fetch(key);
    return this.#window?.stamps.get(key);
  }

  #fetch(from: string): void {
    const rows = this.#get_window.all(this.#source, from, WINDOW_ROWS) as { key: string; stamp: number }[];
    const is_last = rows.length < WINDOW_ROWS;
    const until = is_last ? '\uffff' : (rows.at(-1)?.key ?? '\uffff');
    this.#window = { from, until, stamps: new Map(rows.map(({ key, stamp }) => [key, stamp])) };
  }
}

/** SQLite's text had better hold no NUL. Where two keys become one, the stamp tells them apart. */
function asText(key: string): string {
  return key.replaceAll('\0', '\x01');
}

/** 52 bits of device, inode, times, size and content: a number that SQLite and JavaScript both hold exactly. */
function stampOf(stat: FileStat, digest: Buffer): number {
  const identity = stat.ino * 0x9e37_79b9_7f4a_7c15n + stat.dev * 0xc2b2_ae3d_27d4_eb4fn;
  const times = stat.ctime_ns * 0x1656_67b1_9e37_79f9n + stat.mtime_ns * 0x27d4_eb2f_1656_67c5n;
  const content =
    digest.readBigUInt64LE(0) * 0x85eb_ca77_c2b2_ae63n + BigInt(stat.size) * 0xff51_afd7_ed55_8ccdn;
  const mixed = BigInt.asUintN(64, identity + times + content);
  return Number((mixed ^ (mixed >> 29n)) & 0xf_ffff_ffff_ffffn);
}
