/** How often, and how fast at most, everything is read again. */
export interface ScrubSettings {
  readonly enabled: boolean;
  readonly period_ms: number;
  readonly max_bytes_per_second: number;
}

/** One reading of everything, in the order of paths. */
export interface ScrubRound {
  readonly started_ms: number;
  /** When it came to its end; null while it goes on. */
  readonly completed_ms: number | null;
  /** Of the newest round that came to its end. */
  readonly last_completed_ms: number | null;
  /** The last path that was read. */
  readonly cursor: string;
  readonly files: number;
  readonly bytes: number;
}

export function newRound(now_ms: number, last_completed_ms: number | null): ScrubRound {
  return { started_ms: now_ms, completed_ms: null, last_completed_ms, cursor: '', files: 0, bytes: 0 };
}

/** When the round after this one begins. A clock that went back counts the period from now on. */
export function nextRoundAt(
  { started_ms }: ScrubRound,
  { period_ms }: ScrubSettings,
  now_ms: number,
): number {
  return Math.min(started_ms, now_ms) + period_ms;
}

/** A slower one would never come to its end where files are added all the time. */
const PACE_MIN = 256 * 1024;
/** The rest of the period is for what comes meanwhile, and for days on which the machine is off. */
const SHARE_OF_PERIOD = 0.75;

/** Bytes a second, so that a round takes most of a period: spread out, and never faster than allowed. */
export function paceOf(bytes_total: number, { period_ms, max_bytes_per_second }: ScrubSettings): number {
  const needed = bytes_total / ((period_ms / 1000) * SHARE_OF_PERIOD);
  return Math.min(max_bytes_per_second, Math.max(PACE_MIN, Math.ceil(needed)));
}

/** Opening a small file costs a disk more than its bytes. */
const FILE_COST = 16 * 1024;

/** What reading a file counts as. */
export function costOf(size: number): number {
  return Math.max(size, FILE_COST);
}

/** The files, in order, that a pace allows in a time; at least one. */
export function within<File extends { readonly size: number }>(
  files: readonly File[],
  allowed_bytes: number,
): readonly File[] {
  let cost = 0;
  const end = files.findIndex(({ size }) => {
    cost += costOf(size);
    return cost > allowed_bytes;
  });
  return end < 0 ? files : files.slice(0, Math.max(1, end));
}
