import type { RetainedBackup, RetentionPolicy } from '../retention/state.ts';

/** One tier as it is decided about. */
export interface Tier {
  readonly name: string;
  /** Backups up to this age belong in it; null: of any age. */
  readonly retention_ms: number | null;
  /** What it takes: types, kinds, periods of rotation; null: all. */
  readonly takes: ReadonlySet<string> | null;
}

export interface TierPolicy {
  /** The nearest first. In the first backups are made. */
  readonly tiers: readonly Tier[];
  /** From this age on a backup belongs in `archive_tier`, whatever its type; null: nothing is archived by age alone. */
  readonly archive_after_ms: number | null;
  readonly archive_tier: string | null;
  /** Says which backup of a week, a month, a year is the one of this period. */
  readonly retention: RetentionPolicy;
}

/** A copy of a backup in one tier. */
export interface TierCopy {
  readonly tier: string;
  /** It was copied there and read back. The first copy, made by the backup itself, has not been copied. */
  readonly is_verified: boolean;
  readonly is_bad: boolean;
}

/** What is looked at in one backup. */
export interface TieredBackup extends RetainedBackup {
  /** At least one. */
  readonly copies: readonly TierCopy[];
}

/** Why a backup is where it is, or goes where it goes. */
export type PlaceReason =
  | 'held'
  | 'pinned'
  | 'loss_open'
  | 'mass_change'
  | 'from_future'
  | 'damaged'
  | 'newest_good'
  | 'newest_full'
  | 'in_its_tier'
  | 'tier_period'
  | 'archive'
  | 'no_tier_takes_it'
  | 'not_moved_back';

/** What is to be done next. A move is a copy, and when that is verified a drop. */
export type Step =
  | { readonly do: 'stay' }
  | { readonly do: 'copy'; readonly from: string; readonly to: string }
  | { readonly do: 'drop'; readonly tier: string };

export interface Placement {
  readonly backup: TieredBackup;
  /** Where it belongs. */
  readonly tier: string;
  readonly step: Step;
  readonly reasons: readonly PlaceReason[];
}
