import type { VerifyLevel } from '@holdfast/contracts/http/backup';

/** What verification looks at in one backup. Times are milliseconds since the epoch; null: never. */
export interface Verifiable {
  readonly backup_id: string;
  readonly source: string;
  readonly time_ms: number;
  /** When its bytes were last read, with whatever outcome. */
  readonly read_ms: number | null;
  /** When it was last restored into scratch. */
  readonly restored_ms: number | null;
  /** Damage was found, and nothing has proved it well since. */
  readonly is_bad: boolean;
}

export interface VerifyPolicy {
  /** A new backup is read so long after it was made. */
  readonly after_ms: number;
  /** So often one backup is restored into scratch; the sources take turns. */
  readonly restore_every_ms: number;
}

/** What is to be verified: now, where `backup_id` is given. */
export interface Verification {
  readonly backup_id: string;
  readonly level: VerifyLevel;
}

/** A damaged backup is looked at again: somebody may have mended the repository. */
const BAD_AGAIN_MS = 86_400_000;

/**
 * What is verified next, or null: first the newest of those that nobody has read, then damaged ones again, then the sample.
 * A source whose last restore is longest ago is next for that, one without any first.
 */
export function nextVerification(
  backups: readonly Verifiable[],
  policy: VerifyPolicy,
  now_ms: number,
): Verification | null {
  const unread = backups
    .filter(({ read_ms, time_ms }) => read_ms === null && isOver(time_ms, policy.after_ms, now_ms))
    .sort((one, other) => other.time_ms - one.time_ms);
  if (unread[0] !== undefined) return { backup_id: unread[0].backup_id, level: 'data' };
  const bad = backups
    .filter(({ is_bad, read_ms }) => is_bad && isOver(read_ms ?? 0, BAD_AGAIN_MS, now_ms))
    .sort((one, other) => (one.read_ms ?? 0) - (other.read_ms ?? 0));
  // What a restore has shown only a restore can disprove.
  if (bad[0] !== undefined) {
    return { backup_id: bad[0].backup_id, level: bad[0].restored_ms === null ? 'data' : 'restore' };
  }
  const sample = nextSample(backups, policy, now_ms);
  return sample === null ? null : { backup_id: sample, level: 'restore' };
}

function nextSample(backups: readonly Verifiable[], policy: VerifyPolicy, now_ms: number): string | null {
  const last = (some: readonly Verifiable[]) => Math.max(...some.map(({ restored_ms }) => restored_ms ?? 0));
  if (backups.length === 0 || !isOver(last(backups), policy.restore_every_ms, now_ms)) return null;
  const good = backups.filter(({ is_bad, read_ms }) => !is_bad && read_ms !== null);
  const turns = Array.from(
    Map.groupBy(good, ({ source }) => source),
    ([source, own]) => {
      const all = backups.filter((backup) => backup.source === source);
      return { source, own, last_ms: last(all) };
    },
  );
  turns.sort((one, other) => one.last_ms - other.last_ms || (one.source < other.source ? -1 : 1));
  return turns[0] === undefined ? null : sampleOf(turns[0].own, policy, now_ms).backup_id;
}

/**
 * Every other time the newest, which is the one that people would want; else an older one, another each time: the one
 * whose restore is longest ago, and of those that never were the one whose turn it is.
 */
function sampleOf(
  own: readonly Verifiable[],
  { restore_every_ms }: VerifyPolicy,
  now_ms: number,
): Verifiable {
  const newest_first = own.toSorted((one, other) => other.time_ms - one.time_ms);
  const [newest, ...older] = newest_first as [Verifiable, ...Verifiable[]];
  const turn = Math.floor(now_ms / restore_every_ms);
  if (newest.restored_ms === null && (turn % 2 === 0 || older.length === 0)) return newest;
  const never = older.filter(({ restored_ms }) => restored_ms === null);
  const chosen = never[turn % Math.max(1, never.length)];
  if (chosen !== undefined) return chosen;
  return own.reduce((best, one) => ((one.restored_ms ?? 0) < (best.restored_ms ?? 0) ? one : best), newest);
}

/** A time in the future (a clock was wrong) holds nothing up. */
function isOver(since_ms: number, period_ms: number, now_ms: number): boolean {
  return since_ms > now_ms || since_ms + period_ms <= now_ms;
}
