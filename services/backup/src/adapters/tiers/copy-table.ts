import type { DatabaseSync } from 'node:sqlite';
import type { HoldfastEvent } from '@holdfast/contracts/catalog';
import { HOT } from '@holdfast/runtime/repository-place';

/** A copy of a backup in one tier. */
export interface Copy {
  readonly backup_id: string;
  readonly tier: string;
  /** In the repository of this tier. */
  readonly snapshot_id: string;
  /** When it was copied here and read back; null for the first copy, and for one that nobody has told of yet. */
  readonly verified_ms: number | null;
  readonly is_bad: boolean;
}

/** A copy on its way out: decided, perhaps gone already, and not told of. */
export interface GoingCopy extends Copy {
  readonly reason: string;
}

/** Where the copies of each backup are: folded from events, completed by what the tiers hold. Writers hold the transaction. */
export interface CopyTable {
  /** Takes in an event of this host; other events are ignored. */
  apply(event: HoldfastEvent): void;
  /** The nearest first, without those that are on their way out. */
  of(backup_id: string): Copy[];
  /** With those on their way out. */
  every(backup_id: string): Copy[];
  /** Of backups that are to stay. */
  in(tier: string): Copy[];
  /** A copy that was found and that nobody told of. */
  found(copy: Pick<Copy, 'backup_id' | 'tier' | 'snapshot_id'>): void;
  /** Without an event: it was gone, or was never told of. */
  remove(backup_id: string, tier: string): void;
  markBad(backup_id: string, tier: string): void;
  /** Null: it stays after all. */
  markGoing(copy: Pick<Copy, 'backup_id' | 'tier'>, reason: string | null): void;
  going(): GoingCopy[];
  /** Of a tier, those that are on their way out too. */
  count(tier: string): number;
}

interface Row extends Omit<Copy, 'is_bad'> {
  readonly is_bad: number;
  readonly going: string | null;
}

const COLUMNS = 'backup_id, tier, snapshot_id, verified_ms, is_bad, going';
const STANDS = 'going IS NULL';
/** Of backups that stay. */
const JOINED = `
  SELECT copies.backup_id, copies.tier, copies.snapshot_id, verified_ms, copies.is_bad, copies.going
  FROM backups JOIN copies ON copies.backup_id = backups.backup_id
  WHERE backups.deleted_ms IS NULL AND backups.going IS NULL AND copies.going IS NULL`;

/** Copies in SQLite; `order` are the tiers, the nearest first. */
export function createCopyTable(db: DatabaseSync, order: readonly string[]): CopyTable {
  const put = db.prepare(`
    INSERT INTO copies (backup_id, tier, snapshot_id, verified_ms) VALUES (?, ?, ?, ?)
    ON CONFLICT (backup_id, tier) DO UPDATE SET snapshot_id = excluded.snapshot_id,
      verified_ms = coalesce(excluded.verified_ms, verified_ms), is_bad = 0, going = NULL`);
  const of = db.prepare(`SELECT ${COLUMNS} FROM copies WHERE backup_id = ? AND ${STANDS}`);
  const every = db.prepare(`SELECT ${COLUMNS} FROM copies WHERE backup_id = ?`);
  const inTier = db.prepare(`${JOINED} AND copies.tier = ?`);
  const going = db.prepare(`SELECT ${COLUMNS} FROM copies WHERE going IS NOT NULL`);
  const mark = db.prepare('UPDATE copies SET going = ? WHERE backup_id = ? AND tier = ?');
  const bad = db.prepare('UPDATE copies SET is_bad = 1 WHERE backup_id = ? AND tier = ?');
  const drop = db.prepare('DELETE FROM copies WHERE backup_id = ? AND tier = ?');
  const dropAll = db.prepare('DELETE FROM copies WHERE backup_id = ?');
  const count = db.prepare('SELECT count(*) AS count FROM copies WHERE tier = ?');
  const isThere = db.prepare('SELECT 1 AS found FROM backups WHERE backup_id = ? AND deleted_ms IS NULL');
  const place = db.prepare(`
    UPDATE backups SET tier = ?, manifest = json_set(manifest, '$.retention.tier', ?)
    WHERE backup_id = ? AND deleted_ms IS NULL`);
  const ranked = (copies: readonly Copy[]) => copies.toSorted((one, other) => rank(one) - rank(other));
  const rank = ({ tier }: Copy) => (order.includes(tier) ? order.indexOf(tier) : order.length);
  const read = (rows: unknown) => ranked((rows as Row[]).map(toCopy));

  const placed = (backup_id: string) => {
    const tiers = read(of.all(backup_id)).map(({ tier }) => tier);
    const [nearest] = tiers;
    if (nearest !== undefined) place.run(tiers.join(','), nearest, backup_id);
  };
  const add = (copy: Pick<Copy, 'backup_id' | 'tier' | 'snapshot_id'>, verified_ms: number | null) => {
    // Told again after it was removed: a history that is replayed.
    if (isThere.get(copy.backup_id) === undefined) return;
    put.run(copy.backup_id, copy.tier, copy.snapshot_id, verified_ms);
    placed(copy.backup_id);
  };
  const remove = (backup_id: string, tier: string) => {
    drop.run(backup_id, tier);
    placed(backup_id);
  };
  return {
    apply: (event) => {
      if (event.type === 'BackupCreated') {
        const { backup_id, snapshot_id } = event.data.manifest;
        add({ backup_id, tier: HOT, snapshot_id }, null);
      }
      if (event.type === 'BackupCopied') add(event.data, Date.parse(event.time));
      if (event.type === 'BackupCopyRemoved') remove(event.data.backup_id, event.data.tier);
      if (event.type === 'BackupDeleted') dropAll.run(event.data.backup_id);
    },
    of: (backup_id) => read(of.all(backup_id)),
    every: (backup_id) => read(every.all(backup_id)),
    in: (tier) => read(inTier.all(tier)),
    found: (copy) => add(copy, null),
    remove,
    markBad: (backup_id, tier) => void bad.run(backup_id, tier),
    markGoing: ({ backup_id, tier }, reason) => {
      mark.run(reason, backup_id, tier);
      placed(backup_id);
    },
    going: () =>
      (going.all() as unknown as Row[]).map((row) => ({ ...toCopy(row), reason: row.going ?? '' })),
    count: (tier) => (count.get(tier) as { count: number }).count,
  };
}

function toCopy({ going: _going, ...row }: Row): Copy {
  return { ...row, is_bad: row.is_bad === 1 };
}
