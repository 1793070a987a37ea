import { createHash } from 'node:crypto';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { inTransaction } from '../index/in-transaction.ts';
import { StatFile, StatFileWriter } from './stat-file.ts';

const PENDING_MAX = 400;

export interface StatCacheOwner {
  readonly db: DatabaseSync;
  /** Where the index cache lies: its files are beside it. */
  readonly file: string;
  readonly host: string;
  readonly source: string;
  /** Everything is walked, in order of keys. Otherwise some paths are looked at, in any order. */
  readonly is_walk: boolean;
}

/**
 * What only the local machine knows of files that were read: a stamp binds the state of an inode to the content that
 * was read from it, so that a stamp that fits an entry of *any* snapshot proves that the file still holds that
 * content. A walk leaves a file of them; what single changes add since then is in the database.
 */
export class StatCache implements Disposable {
  readonly #db: DatabaseSync;
  readonly #source: string;
  readonly #last_walk: StatFile;
  readonly #this_walk: StatFileWriter | undefined;
  readonly #get: StatementSync;
  readonly #has_singles: boolean;
  #pending: { key: string; stamp: number }[] = [];
  #carried: { from: number; into: number } | undefined;

  constructor(owner: StatCacheOwner) {
    this.#db = owner.db;
    this.#source = `${owner.host}/${owner.source}`;
    const name = createHash('sha256').update(this.#source).digest('hex').slice(0, 16);
    const path = `${owner.file}-${name}.stat`;
    this.#last_walk = new StatFile(path);
    this.#this_walk = owner.is_walk ? new StatFileWriter(path) : undefined;
    this.#get = this.#db.prepare('SELECT stamp FROM stat WHERE source = ? AND key = ?');
    const first = this.#db.prepare('SELECT 1 FROM stat WHERE source = ? LIMIT 1').get(this.#source);
    this.#has_singles = first !== undefined;
  }

  /** True where the stamp is that of a file that was read. */
  holds(key: string, stamp: number): boolean {
    if (this.#last_walk.holds(key, stamp)) return true;
    return this.#has_singles && this.#get.get(this.#source, asText(key))?.['stamp'] === stamp;
  }

  /** Remembers that the state of the file, as the stamp has it, held its content. In a walk: in order of keys. */
  remember(key: string, stamp: number): void {
    if (this.#this_walk !== undefined) {
      this.#this_walk.add(key, stamp);
      return;
    }
    this.#pending.push({ key: asText(key), stamp });
    if (this.#pending.length >= PENDING_MAX) this.#flush();
  }

  /** A path that a walk passes over, and that stays in the snapshot: what is known of it is not forgotten. */
  carryOver(key: string): void {
    const near = this.#this_walk === undefined ? undefined : this.#last_walk.near(key);
    if (near === undefined || this.#this_walk === undefined) return;
    const into = this.#this_walk.block;
    if (this.#carried?.from === near.block && this.#carried.into === into) return;
    this.#this_walk.addBlock(key, near.stamps);
    this.#carried = { from: near.block, into: this.#this_walk.block };
  }

  /** Keeps what was remembered. */
  finish(): void {
    this.#flush();
    if (this.#this_walk === undefined) return;
    this.#this_walk.finish();
    if (this.#has_singles) this.#db.prepare('DELETE FROM stat WHERE source = ?').run(this.#source);
  }

  [Symbol.dispose](): void {
    this.#this_walk?.[Symbol.dispose]();
    this.#last_walk[Symbol.dispose]();
  }

  /** A short transaction. */
  #flush(): void {
    if (this.#pending.length === 0) return;
    const put = this.#db.prepare('INSERT OR REPLACE INTO stat (source, key, stamp) VALUES (?, ?, ?)');
    inTransaction(this.#db, () => {
      for (const { key, stamp } of this.#pending) put.run(this.#source, key, stamp);
    });
    this.#pending = [];
  }
}

/** SQLite's text had better hold no NUL. Where two keys become one, the stamp tells them apart. */
function asText(key: string): string {
  return key.replaceAll('\0', '\x01');
}
