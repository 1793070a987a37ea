import { basename, dirname } from 'node:path';
import type { Sign, SignKind } from './sign.ts';

/** So many signs of a kind within a window are an alarm by themselves. */
interface Threshold {
  readonly kinds: readonly SignKind[];
  readonly window_ms: number;
  readonly count: number;
  readonly says: string;
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const CHANGED: readonly SignKind[] = ['scrambled', 'renamed', 'replaced'];

/** Deletions alone are ordinary far more often than noise is: it takes more of them, in less time. */
const THRESHOLDS: readonly Threshold[] = [
  { kinds: ['canary'], window_ms: HOUR, count: 1, says: 'canaries were touched' },
  {
    kinds: CHANGED,
    window_ms: HOUR,
    count: 8,
    says: 'files became noise, or got a strange ending, within an hour',
  },
  {
    kinds: CHANGED,
    window_ms: DAY,
    count: 15,
    says: 'files became noise, or got a strange ending, within a day',
  },
  {
    kinds: CHANGED,
    window_ms: 7 * DAY,
    count: 40,
    says: 'files became noise, or got a strange ending, within a week',
  },
  { kinds: ['deleted'], window_ms: 10 * MINUTE, count: 40, says: 'files were deleted within ten minutes' },
  { kinds: ['note'], window_ms: HOUR, count: 3, says: 'folders got a file with the name of a ransom note' },
];
/** Signs that are older count for nothing. */
export const SIGN_AGE_MAX_MS = 7 * DAY;

/** Why a source looks as if it were under attack. */
export interface Alarm {
  /** 1 and more: by how much the clearest threshold is reached. */
  readonly score: number;
  readonly window_ms: number;
  readonly reasons: readonly string[];
  /** Of all windows that are over a threshold. */
  readonly signs: readonly Sign[];
}

/** Judges the signs of one source; undefined: ordinary work. */
export function assess(signs: readonly Sign[], now_ms: number): Alarm | undefined {
  const reached = THRESHOLDS.map((threshold) => ({
    threshold,
    found: distinct(signs, threshold, now_ms),
  })).filter(({ threshold, found }) => found.length >= threshold.count);
  if (reached.length === 0) return undefined;
  return {
    score: Math.max(...reached.map(({ threshold, found }) => found.length / threshold.count)),
    window_ms: Math.max(...reached.map(({ threshold }) => threshold.window_ms)),
    reasons: reached.map(({ threshold, found }) => `${found.length} ${threshold.says}`),
    signs: [...new Set(reached.flatMap(({ found }) => found))],
  };
}

/** A file counts once, and so does a folder with a note; the same note has to be in each. */
function distinct(signs: readonly Sign[], { kinds, window_ms }: Threshold, now_ms: number): Sign[] {
  const recent = signs.filter(({ kind, at_ms }) => kinds.includes(kind) && now_ms - at_ms <= window_ms);
  if (!kinds.includes('note')) return [...new Map(recent.map((sign) => [sign.path, sign])).values()];
  const notes = Map.groupBy(recent, ({ path }) => basename(path));
  const spread = [...notes.values()].map((same) => [
    ...new Map(same.map((sign) => [dirname(sign.path), sign])).values(),
  ]);
  return spread.reduce((most, one) => (one.length > most.length ? one : most), []);
}
