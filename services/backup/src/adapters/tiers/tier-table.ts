import type { DatabaseSync } from 'node:sqlite';
import type { StorageLevel } from '@holdfast/contracts/storage-events';

/** Why a tier cannot be used. */
export interface Trouble {
  readonly code: string;
  readonly message: string;
}

/** What is known of a tier, over restarts. */
export interface KnownTier {
  /** Of the repository that was made there, once; null: none was. */
  readonly repository_id: string | null;
  /** What people were told of and that is not over. */
  readonly trouble: Trouble | null;
  /** How full its disk was when people were told. */
  readonly level: StorageLevel;
}

/** Tiers by name. Writers hold the transaction. */
export interface TierTable {
  get(tier: string): KnownTier;
  set(tier: string, change: Partial<KnownTier>): void;
}

interface Row extends Omit<KnownTier, 'trouble'> {
  readonly trouble: string | null;
}

const NEW: KnownTier = { repository_id: null, trouble: null, level: 'normal' };

/** Tiers in SQLite. */
export function createTierTable(db: DatabaseSync): TierTable {
  const one = db.prepare('SELECT repository_id, trouble, level FROM tiers WHERE tier = ?');
  const put = db.prepare(
    'INSERT OR REPLACE INTO tiers (tier, repository_id, trouble, level) VALUES (?, ?, ?, ?)',
  );
  const get = (tier: string): KnownTier => {
    const row = one.get(tier) as Row | undefined;
    if (row === undefined) return NEW;
    return { ...row, trouble: row.trouble === null ? null : (JSON.parse(row.trouble) as Trouble) };
  };
  return {
    get,
    set: (tier, change) => {
      const { repository_id, trouble, level } = { ...get(tier), ...change };
      put.run(tier, repository_id, trouble === null ? null : JSON.stringify(trouble), level);
    },
  };
}
