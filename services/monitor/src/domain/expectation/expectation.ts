import type { EventData } from '@holdfast/contracts/catalog';

/** What a source says must be there. */
export interface Expectation {
  readonly source: string;
  readonly pattern: string;
  readonly min_count: number;
  /** The newest of them may be so old. */
  readonly max_age_ms?: number | undefined;
}

/** The good files that a pattern names. */
export interface FoundFiles {
  readonly files: number;
  readonly newest_ms: number | null;
}

export type UnmetReason = EventData<'ExpectationViolated'>['reasons'][number];

/** An expectation that people were told of. */
export interface ToldExpectation {
  readonly source: string;
  readonly pattern: string;
  readonly correlationid: string;
  readonly started_ms: number;
}

/** All that is not as a source says it must be; none where it is. */
export function reasonsOf(expected: Expectation, found: FoundFiles, now_ms: number): UnmetReason[] {
  const { min_count, max_age_ms } = expected;
  const reasons: UnmetReason[] = [];
  if (found.files < min_count) {
    reasons.push({ reason: 'count', detail: `${found.files} of at least ${min_count} files are there` });
  }
  // Where there is none, its age is not the trouble.
  if (max_age_ms === undefined || found.newest_ms === null) return reasons;
  const age_ms = now_ms - found.newest_ms;
  if (age_ms > max_age_ms) {
    const detail = `the newest is ${inWords(age_ms)} old, at most ${inWords(max_age_ms)} are allowed`;
    reasons.push({ reason: 'age', detail });
  }
  return reasons;
}

const UNITS = [
  [86_400_000, 'd'],
  [3_600_000, 'h'],
  [60_000, 'min'],
  [1_000, 's'],
] as const;

/** `26.5 h` */
function inWords(duration_ms: number): string {
  const [unit_ms, name] = UNITS.find(([unit]) => duration_ms >= 2 * unit) ?? [1000, 's'];
  return `${Math.round((duration_ms / unit_ms) * 10) / 10} ${name}`;
}

/** What to do about one expectation: `since_ms` is when it was first seen unmet without an interruption. */
export function decideExpectation(
  now: { reasons: readonly UnmetReason[]; told: boolean; now_ms: number },
  waited: { since_ms: number | undefined; grace_ms: number },
): 'tell' | 'clear' | 'wait' | 'rest' {
  if (now.reasons.length === 0) return now.told ? 'clear' : 'rest';
  if (now.told) return 'rest';
  // A file that is being replaced, or put back, is away for a moment.
  const { since_ms = now.now_ms, grace_ms } = waited;
  return now.now_ms - since_ms >= grace_ms ? 'tell' : 'wait';
}
