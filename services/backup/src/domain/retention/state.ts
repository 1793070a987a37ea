import type { BackupType } from '@holdfast/contracts/backup-events';
import type { Weekday } from '@holdfast/contracts/schedule';
import type { BackupReason } from '../backup-run/state.ts';

/** Somebody's word that a backup must stay. */
export interface Hold {
  readonly reason: string;
  /** Null: until it is released. */
  readonly until_ms: number | null;
  readonly held_ms: number;
  readonly actor: string;
}

/** What retention looks at in one backup. */
export interface RetainedBackup {
  readonly backup_id: string;
  readonly snapshot_id: string;
  readonly source: string;
  readonly backup_type: BackupType;
  readonly reason: BackupReason;
  readonly time_ms: number;
  /** A verification has failed. */
  readonly is_bad: boolean;
  readonly expires_ms: number | null;
  readonly hold: Hold | null;
  /** An open loss wants a version that it holds, or may want it; or the source looks as if it were under attack. */
  readonly pin: 'pinned' | 'loss_open' | 'mass_change' | null;
}

export type PeriodName = 'minutely' | 'hourly' | 'daily' | 'weekly' | 'monthly' | 'yearly';

/** So many of the newest periods that have a backup keep one. */
export interface RotationRule {
  readonly period: PeriodName;
  readonly keep_count: number;
  /** The one of this type stays, where the period has one. */
  readonly prefer_type?: BackupType | undefined;
  /** The one of this day stays, where the period has one: a weekday, or a day of the month. */
  readonly prefer_day?: Weekday | number | undefined;
}

export interface RetentionPolicy {
  /** None: everything stays. */
  readonly rules: readonly RotationRule[];
  /** Days, weeks, months and years begin at its midnight. */
  readonly time_zone: string;
}

/** Why a backup stays. */
export type Stay =
  | PeriodName
  | 'recent'
  | 'newest_good'
  | 'newest_of_kind'
  | 'held'
  | 'pinned'
  | 'loss_open'
  | 'mass_change'
  | 'from_future'
  | 'no_rotation';
/** Why it goes. */
export type Go = 'not_in_rotation' | 'expired';

export interface Verdict {
  readonly backup: RetainedBackup;
  readonly stays: boolean;
  readonly reasons: readonly (Stay | Go)[];
}
