import type { DatabaseSync } from 'node:sqlite';
import type { Snapshot } from '../api.ts';
import { ID_BYTES, prefixOf } from '../crypto/keys.ts';
import type { Engine } from '../engine.ts';
import { Slice } from '../slice.ts';
import { idsOf } from '../tree/entry-codec.ts';
import { walkTree } from '../tree/walk-tree.ts';
import { ClaimTable } from '../write/claim-table.ts';

/** What a chunk is for. */
export type Use = 'content' | 'tree';

const BATCH = 20_000;

/** The chunks that snapshots reach, in a temporary table on disk: memory stays flat. Dropped when the connection closes. */
export class ReachedChunks {
  readonly #engine: Engine;
  readonly #db: DatabaseSync;
  readonly #table: string;
  readonly #seen = new ClaimTable();
  #pending: { prefix: Buffer; use: Use }[] = [];

  /** `table` is one of ours, never what somebody gave. */
  constructor(engine: Engine, db: DatabaseSync, table: 'reached' | 'chosen') {
    this.#engine = engine;
    this.#db = db;
    this.#table = table;
    db.exec(`CREATE TEMP TABLE ${table} (prefix BLOB PRIMARY KEY, use TEXT NOT NULL) WITHOUT ROWID`);
  }

  /** Adds all that a snapshot reaches; what was reached before is not looked at again. */
  async add(snapshot: Snapshot): Promise<void> {
    const slice = new Slice();
    await walkTree(snapshot.tree, {
      load: this.#engine.nodes.load,
      enter: (id) => {
        const bytes = Buffer.from(id, 'hex');
        this.#seen.grow();
        if (!this.#seen.claim(bytes)) return false;
        this.#note(bytes, 'tree');
        return true;
      },
      entry: async (_key, entry) => {
        for (const id of split(idsOf(this.#engine.keys, entry))) {
          this.#note(id, entry.is_list ? 'tree' : 'content');
          if (!entry.is_list) continue;
          for (const part of split(await this.#engine.chunks.read(id))) this.#note(part, 'content');
        }
        await slice.rest();
      },
    });
    this.#flush();
  }

  #note(id: Buffer, use: Use): void {
    // A copy: it is a view into a node.
    this.#pending.push({ prefix: Buffer.from(prefixOf(id)), use });
    if (this.#pending.length >= BATCH) this.#flush();
  }

  /** In order, so that pages are touched one after the other. */
  #flush(): void {
    const insert = this.#db.prepare(`INSERT OR IGNORE INTO ${this.#table} VALUES (?, ?)`);
    this.#db.exec('BEGIN');
    for (const { prefix, use } of this.#pending.sort((one, other) => one.prefix.compare(other.prefix)))
      insert.run(prefix, use);
    this.#db.exec('COMMIT');
    this.#pending = [];
  }
}

function* split(ids: Buffer): Generator<Buffer> {
  for (let at = 0; at < ids.length; at += ID_BYTES) yield ids.subarray(at, at + ID_BYTES);
}
