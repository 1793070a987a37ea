import type { BackupType } from '@holdfast/contracts/backup-events';
import type { ScheduleConfig } from '@holdfast/contracts/schedule';

/** A schedule as it is now, and how far it has come. */
export interface Schedule {
  readonly name: string;
  readonly config: ScheduleConfig;
  /** Who said so last: the configuration file, or somebody over HTTP. */
  readonly origin: 'config' | 'api';
  /** Counts the changes. */
  readonly version: number;
  readonly modified_ms: number;
  /** The last slot that was acted on; slots before it are over. */
  readonly last_slot_ms: number;
}

/** The times of one schedule. */
export interface Slots {
  /** The first after this time; null: none ever. */
  next(after_ms: number): number | null;
  /** The last at or before this time. */
  latest(now_ms: number): number | null;
}

/** A wish for a backup of one source. */
export interface SlotWish {
  readonly source: string;
  readonly type: BackupType;
}

/** One source that a schedule, or its own frequency, owes a backup. */
export interface Obligation {
  /** Null: the source's own frequency. */
  readonly schedule: string | null;
  readonly source: string;
  /** When the last backup of this obligation was made, or else since when it is owed. */
  readonly done_ms: number;
  /** When its lateness was told; null: it is not late. */
  readonly overdue_ms: number | null;
  readonly slots: Slots;
}
