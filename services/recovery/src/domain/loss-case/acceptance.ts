/** What is known of a version before its bytes are read. */
export interface Candidate {
  readonly checksum: string;
  readonly size: number;
  /** When the newest backup that holds it was made. */
  readonly backed_up_at_ms: number;
}

/** What a candidate has to meet. */
export interface Criteria {
  readonly wanted_checksum: string | null;
  readonly wanted_size: number | null;
  /** Contents of this file that were found to be corrupt. */
  readonly bad_checksums: ReadonlySet<string>;
  /** Only what stood at or before that time. */
  readonly at_ms: number | null;
  /** For versions that are not the wanted bytes; the wanted bytes are right at any age. */
  readonly max_age_hours: number | undefined;
  readonly now_ms: number;
}

export type Verdict =
  | { readonly kind: 'exact' }
  | { readonly kind: 'older' }
  | { readonly kind: 'refused'; readonly reason: string };

const refused = (reason: string): Verdict => ({ kind: 'refused', reason });
const HOUR_MS = 3_600_000;

/** The rule of acceptance: the wanted bytes; else an older good version that is young enough. */
export function judge(candidate: Candidate, criteria: Criteria): Verdict {
  if (criteria.at_ms === null && candidate.checksum === criteria.wanted_checksum) return { kind: 'exact' };
  if (criteria.at_ms !== null && candidate.backed_up_at_ms > criteria.at_ms) {
    return refused('newer than the time asked for');
  }
  if (criteria.bad_checksums.has(candidate.checksum))
    return refused('the bytes that were found to be corrupt');
  if (candidate.size === 0 && (criteria.wanted_size ?? 0) > 0) return refused('an empty file');
  if (criteria.at_ms !== null) return { kind: 'exact' };
  const age_hours = (criteria.now_ms - candidate.backed_up_at_ms) / HOUR_MS;
  if (criteria.max_age_hours !== undefined && age_hours > criteria.max_age_hours) {
    return refused(
      `last backed up ${age_hours.toFixed(1)} h ago, max_age_hours is ${criteria.max_age_hours}`,
    );
  }
  return criteria.wanted_checksum === null ? { kind: 'exact' } : { kind: 'older' };
}

/** How the content of a source is checked. */
export type Validator = 'none' | 'json' | 'conversation' | undefined;

/** Why bytes that are not the wanted ones may not stand at a path, or null where they may. */
export function contentProblem(path: string, validator: Validator, bytes: Uint8Array): string | null {
  const json =
    validator === undefined ? path.endsWith('.json') : validator !== 'none' && path.endsWith('.json');
  if (!json) return null;
  try {
    JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    return null;
  } catch (error) {
    return `does not parse as JSON: ${Error.isError(error) ? error.message : String(error)}`;
  }
}
